import type { AuditLog } from '../../audit/audit.ts';
import type { EcolinkError } from '../../base/errors.ts';
import { fail } from '../../base/errors.ts';
import type { KeyRing } from '../../secrets/ring.ts';
import {
  deleteInstallation,
  installationsOfEnterprise,
  installationsWithIds,
  organisationsInstalled,
  saveInstallation,
} from './table.ts';
import type { InstallationRow } from './table.ts';
import type { Store } from '../../store/store.ts';
import type { Access, SlackWorkspace } from '../access.ts';
import { slackStranger } from '../people/claims.ts';
import { auditedAs } from '../audited-as.ts';

/** What Slack gave when the app was installed somewhere. */
export interface NewInstallation {
  /** The workspace; absent where an organisation installed it for all of its workspaces. */
  team?: string | undefined;
  enterprise?: string | undefined;
  /** Id of whoever installed it. */
  user: string;
  /** All of it as text, its tokens too. */
  value: string;
}

export interface Installed {
  /** The workspace or organisation. */
  id: string;
  enterprise?: string;
  value: string;
}

/** Where the Slack app is installed, and the tokens that it has there: sealed like credentials. */
export interface Installations {
  /** Replaces an earlier one of the same place. Throws `slack_workspace_not_listed`, and nothing is stored then. */
  add(installation: NewInstallation): Promise<void>;
  /** New tokens of one that is there. */
  renew(installation: NewInstallation): Promise<void>;
  /** The workspace's, else its organisation's; with an organisation alone, its own or one of its workspaces'. */
  find(place: SlackWorkspace): Promise<Installed | undefined>;
  /** Ids of the organisations that installed it for all of their workspaces. */
  organisations(): Promise<string[]>;
  /** Forgets the tokens of a place, unless it was installed anew since `at`. True where there was something to forget. */
  remove(id: string, at: Date): Promise<boolean>;
}

export interface InstallationDeps {
  access: Pick<Access, 'admitsWorkspace'>;
  audit: AuditLog;
  store: Store;
  ring: KeyRing;
  now: () => Date;
}

export function createInstallations(deps: InstallationDeps): Installations {
  const { access, store, ring } = deps;
  return {
    async add(installation) {
      if (!access.admitsWorkspace(installation)) throw workspaceNotListed(installation);
      const { team, enterprise, user } = installation;
      const workspace = idOf(installation);
      const caller = slackStranger({ team: enterprise ?? workspace, user, name: user });
      await auditedAs(deps, caller, 'install_slack', { workspace: team, organisation: enterprise }, () =>
        save(deps, installation),
      );
    },
    renew: (installation) => save(deps, installation),
    async find(place) {
      const row = await pick(store, place);
      if (!row) return undefined;
      const value = ring.open({ table: 'slack_installations', id: row.id, owner: row.owner }, row);
      return { id: row.id, value, ...(row.enterprise === undefined ? {} : { enterprise: row.enterprise }) };
    },
    organisations: () => organisationsInstalled(store.db),
    remove: (id, at) => deleteInstallation(store.db, id, at.toISOString()),
  };
}

/** Says which of the two is not listed, and where to list it. */
export function workspaceNotListed({ team, enterprise }: SlackWorkspace): EcolinkError {
  const place = enterprise === undefined ? `The workspace ${team}` : `The organisation ${enterprise}`;
  return fail('slack_workspace_not_listed', `${place} is not among those that ecolink.yaml lists.`, {
    nextStep: 'Add it under "slack": "workspaces" or "organisations", or use one that is there.',
  });
}

async function save({ store, ring, now }: InstallationDeps, installation: NewInstallation): Promise<void> {
  const id = idOf(installation);
  const { enterprise, user, value } = installation;
  const owner = `slack:${enterprise ?? id}/${user}`;
  await ring.prepare();
  await store.transaction(async (transaction) => {
    const sealed = await ring.seal(transaction, { table: 'slack_installations', id, owner }, value);
    const row = { id, owner, ...sealed, ...(enterprise === undefined ? {} : { enterprise }) };
    await saveInstallation(transaction, row, now().toISOString());
  });
}

function idOf({ team, enterprise }: NewInstallation): string {
  const id = team ?? enterprise;
  if (id === undefined) throw new Error('Slack names neither a workspace nor an organisation.');
  return id;
}

async function pick({ db }: Store, { team, enterprise }: SlackWorkspace): Promise<InstallationRow | undefined> {
  const ids = [team, enterprise].filter((id) => id !== undefined);
  if (ids.length === 0) return undefined;
  const exact = await installationsWithIds(db, ids);
  const [one] = ids.flatMap((id) => exact.filter((row) => row.id === id));
  if (one || team !== undefined || enterprise === undefined) return one;
  return (await installationsOfEnterprise(db, enterprise))[0];
}
