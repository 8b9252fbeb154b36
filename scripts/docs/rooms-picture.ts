import { coreRooms } from '../lint/rooms.js';

interface Layer {
  title: string;
  about: string;
  rooms: readonly string[];
}

/** The rooms of the core, bottom first, in the order of scripts/lint/rooms.js. */
const layers: readonly Layer[] = [
  { title: 'Ground', about: 'shared words; the database', rooms: ['base', 'store'] },
  {
    title: 'Tools',
    about: 'rules, settings, secrets, audit, Hub, downloads, engines',
    rooms: ['policy', 'config', 'secrets', 'audit', 'notify', 'hub', 'download', 'runtimes'],
  },
  { title: 'People', about: 'who may do what; what an operation is', rooms: ['access', 'operation'] },
  {
    title: 'Models',
    about: 'what is registered, planned, cached and running',
    rooms: ['region', 'registry', 'plan', 'volumes', 'cache', 'instances', 'routing'],
  },
  { title: 'Work', about: 'kinds of regions; one loop makes what is wanted true', rooms: ['regions', 'reconcile'] },
  { title: 'Decisions', about: 'requests that wait for people; every operation', rooms: ['approvals', 'operations'] },
];

const width = 960;
const left = 24;
const rowHeight = 74;
const roomsLeft = 250;
const ink = '#1f2937';
const muted = '#6b7280';

/** The picture of docs/architecture.md: front ends on top, rooms of the core below. Imports point down. */
export function roomsPicture(): string {
  const drawn = layers.flatMap(({ rooms }) => rooms);
  if (drawn.join() !== coreRooms.join())
    throw new Error('rooms-picture.ts and scripts/lint/rooms.js list other rooms.');
  const rows = layers.toReversed();
  const top = 214;
  const height = top + rows.length * rowHeight + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...frontEnds(),
    ...flow(),
    ...rows.flatMap((layer, index) => layerRow(layer, top + index * rowHeight)),
    text(left, height - 16, 'A room imports rooms below it and to its left, never the others. Types count.', muted, 13),
    '</svg>',
    '',
  ].join('\n');
}

function frontEnds(): string[] {
  const names = ['slack', 'mcp', 'cli', 'http', 'gateway'];
  return [
    text(left, 44, 'Front ends', ink, 15, 'bold'),
    text(left, 62, 'each says things in its own words', muted, 12),
    ...names.flatMap((name, index) => box(roomsLeft + index * 132, 24, 120, 44, name, '#dbeafe', '#1d4ed8')),
    arrow(roomsLeft + 324, 70, 104),
  ];
}

/** The steps of `execute`. */
function flow(): string[] {
  const steps = ['parse', 'authorise', 'prepare', 'policy', 'audit', 'commit', 'respond'];
  return [
    text(left, 134, 'execute', ink, 15, 'bold'),
    text(left, 152, 'the one way in', muted, 12),
    ...steps.flatMap((step, index) => box(roomsLeft + index * 97, 112, 85, 40, step, '#fef3c7', '#b45309')),
    arrow(roomsLeft + 324, 156, 200),
  ];
}

function layerRow({ title, about, rooms }: Layer, y: number): string[] {
  return [
    `<line x1="${left}" y1="${y - 6}" x2="${width - left}" y2="${y - 6}" stroke="#e5e7eb"/>`,
    text(left, y + 24, title, ink, 15, 'bold'),
    ...lines(about, 31).map((line, index) => text(left, y + 42 + index * 15, line, muted, 12)),
    ...rooms.flatMap((room, index) => box(roomsLeft + index * 85, y + 10, 78, 40, room, '#ecfdf5', '#047857')),
  ];
}

/** Breaks a text into lines of at most `most` characters. */
function lines(about: string, most: number): string[] {
  const broken: string[] = [];
  for (const word of about.split(' ')) {
    const last = broken.at(-1);
    if (last === undefined || `${last} ${word}`.length > most) broken.push(word);
    else broken[broken.length - 1] = `${last} ${word}`;
  }
  return broken;
}

function box(x: number, y: number, w: number, h: number, label: string, fill: string, line: string): string[] {
  return [
    `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="6" fill="${fill}" stroke="${line}"/>`,
    `<text x="${x + w / 2}" y="${y + h / 2 + 5}" text-anchor="middle" fill="${ink}" font-size="13">${label}</text>`,
  ];
}

function arrow(x: number, from: number, to: number): string {
  const head = `<path d="M${x - 5} ${to - 8} L${x} ${to} L${x + 5} ${to - 8}" fill="none" stroke="${muted}"/>`;
  return `<line x1="${x}" y1="${from}" x2="${x}" y2="${to}" stroke="${muted}"/>${head}`;
}

function text(x: number, y: number, words: string, fill: string, size: number, weight = 'normal'): string {
  return `<text x="${x}" y="${y}" fill="${fill}" font-size="${size}" font-weight="${weight}">${words}</text>`;
}
