// One file, because every file gets its own worker, and PGlite takes seconds to start.
import './store.cases.ts';
import './models.cases.ts';
import './instances.cases.ts';
import './volumes.cases.ts';
import './durations.cases.ts';
import './notices.cases.ts';
import './outbox.cases.ts';
import '../audit/chain.cases.ts';
import '../secrets/ring.cases.ts';
import '../access/people-grants.cases.ts';
