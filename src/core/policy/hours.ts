interface Hours {
  from: string;
  to: string;
  zone: string;
}

/** True if the time is between `from` and `to` in the time zone. `18:00` to `08:00` goes over midnight. */
export function isWithinHours(hours: Hours, time: Date): boolean {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: hours.zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(time);
  const afterFrom = clock >= hours.from;
  const beforeTo = clock < hours.to;
  return hours.from <= hours.to ? afterFrom && beforeTo : afterFrom || beforeTo;
}
