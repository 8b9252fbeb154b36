import type { Migration } from 'kysely/migration';
import type { Flavour } from './dialects.ts';
import { first } from './migrations/0001-first.ts';
import { people } from './migrations/0002-people.ts';
import { credentials } from './migrations/0003-credentials.ts';
import { approvals } from './migrations/0004-approvals.ts';
import { pages } from './migrations/0005-pages.ts';
import { installations } from './migrations/0006-installations.ts';
import { decisions } from './migrations/0007-decisions.ts';
import { storeIdentity } from './migrations/0008-store-identity.ts';
import { whatRuns } from './migrations/0009-what-runs.ts';
import { volumes } from './migrations/0010-volumes.ts';
import { durations } from './migrations/0020-durations.ts';
import { routingFeed } from './migrations/0030-routing-feed.ts';
import { tokenNames } from './migrations/0011-token-names.ts';
import { tokenTrees } from './migrations/0017-token-trees.ts';
import { outbox } from './migrations/0025-outbox.ts';
import { instanceStarts } from './migrations/0026-instance-starts.ts';
import { verdicts } from './migrations/0018-verdicts.ts';

/** All migrations, by number. Static imports: a build cannot lose one. */
export function migrations(flavour: Flavour): Record<string, Migration> {
  return {
    '0001-first': first(flavour),
    '0002-people': people(),
    '0003-credentials': credentials(),
    '0004-approvals': approvals(flavour),
    '0005-pages': pages(),
    '0006-installations': installations(),
    '0007-decisions': decisions(),
    '0008-store-identity': storeIdentity(),
    '0009-what-runs': whatRuns,
    '0010-volumes': volumes(),
    '0011-token-names': tokenNames(),
    '0017-token-trees': tokenTrees(),
    '0018-verdicts': verdicts,
    '0020-durations': durations(),
    '0025-outbox': outbox(flavour),
    '0026-instance-starts': instanceStarts,
    '0030-routing-feed': routingFeed(),
  };
}
