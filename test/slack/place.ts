import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { loadConfig } from '../../src/core/config/load.ts';
import type { Core } from '../../src/core/core.ts';
import { createCore } from '../../src/core/create-core.ts';
import { createLog } from '../../src/core/base/log.ts';
import type { Log } from '../../src/core/base/log.ts';
import type { Caller } from '../../src/core/base/caller.ts';
import { inSlack } from '../support/callers.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { LocalSlack, workspace } from '../support/local-slack.ts';

/** A repo of the test Hub that can be registered and, with random weights, launched. */
export const tinyRepo = 'tests/tiny-chat';

/** A workspace, a Hub and a core that know of each other; alice is a member, and nobody else of the workspace is anybody. */
export interface Place extends AsyncDisposable {
  slack: LocalSlack;
  hub: Hub;
  core: Core;
  alice: Caller;
}

export interface PlaceOptions {
  /** Where the workspace posts to; without it the app comes to the workspace. */
  requestUrl?: string;
  /** Runs what is launched. */
  reconcile?: boolean;
  log?: Log;
  /** More of `ecolink.yaml`, or other people. */
  config?: object;
}

export async function makePlace({
  requestUrl,
  reconcile = false,
  log = createLog({ level: 'silent', pretty: false }),
  config: more = {},
}: PlaceOptions = {}): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'ecolink-slack-'));
  const hub = await startHub();
  hub.addRepo(tinyRepo, { files: { 'tiny.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
  const slack = await LocalSlack.start(requestUrl);
  const people = [
    { name: 'Ada', role: 'admin', identities: ['local'] },
    { name: 'alice', role: 'member', identities: [`slack:${workspace.team}/${workspace.alice}`] },
  ];
  // YAML reads JSON.
  await writeFile(join(root, 'ecolink.yaml'), JSON.stringify({ people, ...more }));
  const config = loadConfig({
    PATH: process.env['PATH'],
    ECOLINK_DATA_DIR: join(root, 'data'),
    ECOLINK_CONFIG: join(root, 'ecolink.yaml'),
    ECOLINK_PORT: '0',
    HF_ENDPOINT: hub.endpoint,
    SLACK_BOT_TOKEN: workspace.botToken,
    SLACK_API_URL: slack.apiUrl,
    ...(requestUrl === undefined
      ? { SLACK_APP_TOKEN: workspace.appToken }
      : { SLACK_SIGNING_SECRET: workspace.signingSecret }),
  });
  const core = await createCore(config, log, { reconcile });
  return {
    slack,
    hub,
    core,
    alice: await inSlack(core, workspace.alice, workspace.team),
    async [Symbol.asyncDispose]() {
      await core[Symbol.asyncDispose]();
      await slack.close();
      await hub.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
