/** Whether a moment lies in a daily span (`18:00` to `08:00` goes over midnight) on the clocks of a time zone. */
export function within(hours: { from: string; to: string; zone: string }, moment: Date): boolean {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: hours.zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(moment);
  const afterFrom = clock >= hours.from;
  const beforeTo = clock < hours.to;
  return hours.from <= hours.to ? afterFrom && beforeTo : afterFrom || beforeTo;
}
