/**
 * The rooms of the core in the order of imports. A room may import the rooms before it, never those after it. Type imports
 * count. docs/architecture.md has a picture.
 */
export const coreRooms = [
  'base',
  'store',
  'policy',
  'config',
  'secrets',
  'audit',
  'notify',
  'hub',
  'download',
  'runtimes',
  'access',
  'operation',
  'region',
  'registry',
  'plan',
  'volumes',
  'cache',
  'instances',
  'routing',
  'regions',
  'reconcile',
  'approvals',
  'operations',
];

/** Rooms and files of the core that the rest of the program may import. */
const offered = [
  /^core\/core\.ts$/,
  /^core\/base\//,
  /^core\/operation\//,
  /^core\/operations\/catalogue\.ts$/,
  /^core\/config\//,
];

/** Files of the core that create all parts. Only code that starts a server or a command may import them. */
const composition = [/^core\/create-core\.ts$/, /^core\/doctor\.ts$/];

/**
 * The rooms outside the core. `rooms`: other rooms that each may import. `core`: files of the core that it may import
 * besides `offered`. Only `http` composes front ends.
 */
export const outerRooms = {
  'main.ts': {
    rooms: ['cli'],
    core: [/^core\/download\/command\.ts$/, /^core\/regions\/kubernetes\/pods\/pod-commands\.ts$/],
  },
  cli: { rooms: ['client', 'http', 'mcp', 'quickstart', 'slack'], core: composition },
  http: { rooms: ['client', 'gateway', 'mcp', 'slack'], core: [] },
  client: { rooms: [], core: [] },
  mcp: { rooms: ['client'], core: [] },
  slack: { rooms: [], core: [] },
  gateway: { rooms: [], core: [] },
  quickstart: { rooms: [], core: [] },
  'llama-engine': { rooms: [], core: [/^core\/runtimes\/llama-engine\.ts$/] },
};

/** Packages that only files which match `only` may import. */
const packages = [
  {
    name: /^@kubernetes\//,
    only: [/^core\/regions\/kubernetes\//],
    says: 'Kubernetes types stay inside core/regions/kubernetes.',
  },
  {
    name: /^(?:@slack\/|@modelcontextprotocol\/|fastify$|commander$)/,
    only: [/^(?!core\/)/],
    says: 'Core knows no front end and no transport.',
  },
];

/** Why `file` may not import `target`, or undefined if it may. Paths are below src/; `target` can be a package name. */
export function importProblem(file, target) {
  if (!target.includes('.ts')) {
    const owned = packages.find(({ name }) => name.test(target));
    return owned === undefined || owned.only.some((place) => place.test(file)) ? undefined : owned.says;
  }
  const [from, to] = [roomOf(file), roomOf(target)];
  if (from === to && from !== 'core') return undefined;
  return from === 'core' ? problemInCore(file, target) : problemOutside(from, to, target);
}

function roomOf(path) {
  return path.split('/')[0];
}

/** Files directly in src/core/ come last. */
function rankOf(path) {
  const parts = path.split('/');
  return parts.length === 2 ? coreRooms.length : coreRooms.indexOf(parts[1]);
}

function problemInCore(file, target) {
  if (roomOf(target) !== 'core') return 'Core knows no front end and no transport.';
  const [from, to] = [rankOf(file), rankOf(target)];
  if (to === -1) return `core/${target.split('/')[1]} is no room: add it to the order in scripts/lint/rooms.js.`;
  if (to <= from) return undefined;
  return `${coreRooms[from]} comes before ${coreRooms[to] ?? 'the files of core/'} in the order of rooms and may not import it.`;
}

function problemOutside(from, to, target) {
  const rights = outerRooms[from];
  if (!rights) return `src/${from} is no room: add it to scripts/lint/rooms.js.`;
  if (to !== 'core')
    return rights.rooms.includes(to) ? undefined : `${from} may not import ${to}: http alone composes front ends.`;
  const allowed = [...offered, ...rights.core].some((place) => place.test(target));
  return allowed
    ? undefined
    : `${from} may import core/core.ts, the catalogue, core/base, core/operation and core/config, and nothing else of the core.`;
}
