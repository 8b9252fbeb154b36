import { fail } from '../../base/errors.ts';
import type { EcolinkError } from '../../base/errors.ts';
import type { KeyRing } from '../../secrets/ring.ts';
import type { Store } from '../../store/store.ts';
import type { Access, SlackWorkspace } from '../access.ts';
import { auditedAs } from '../audited-as.ts';
import type { AuditedDeps } from '../audited-as.ts';
import { slackStranger } from '../people/claims.ts';
import {
  deleteInstallation,
  installationsOfEnterprise,
  installationsWithIds,
  organisationsInstalled,
  saveInstallation,
} from './table.ts';
import type { InstallationRow } from './table.ts';

/** What Slack sends after an installation of the app. */
export interface NewInstallation {
  /** The workspace. Undefined if an organisation installed the app for all its workspaces. */
  team?: string | undefined;
  enterprise?: string | undefined;
  /** Slack id of the person who installed it. */
  user: string;
  /** The whole answer of Slack as text, with the tokens. */
  value: string;
}

export interface Installed {
  /** The workspace or organisation. */
  id: string;
  enterprise?: string | undefined;
  value: string;
}

/** The installations of the Slack app and their tokens, which are sealed like credentials. */
export interface Installations {
  /** Throws `slack_workspace_not_listed`. */
  checkListed(workspace: SlackWorkspace): void;
  /** Replaces an earlier one of the same workspace. Throws `slack_workspace_not_listed` and then stores nothing. */
  add(installation: NewInstallation): Promise<void>;
  /** Stores new tokens of an existing installation. */
  renew(installation: NewInstallation): Promise<void>;
  /** The installation of the workspace, else that of its organisation. For an organisation alone: its own, else that of one of its workspaces. */
  find(workspace: SlackWorkspace): Promise<Installed | undefined>;
  /** Ids of the organisations that installed the app for all their workspaces. */
  organisations(): Promise<string[]>;
  /** Deletes the tokens of a workspace or organisation, unless it was installed again after `at`. Returns true if it deleted any. */
  remove(id: string, at: Date): Promise<boolean>;
}

export interface InstallationDeps extends AuditedDeps {
  access: Pick<Access, 'admitsWorkspace'>;
  store: Store;
  ring: KeyRing;
}

export function createInstallations(deps: InstallationDeps): Installations {
  const { access, store, ring } = deps;
  const checkListed = (workspace: SlackWorkspace): void => {
    if (!access.admitsWorkspace(workspace)) throw workspaceNotListed(workspace);
  };
  return {
    checkListed,
    async add(installation) {
      checkListed(installation);
      const { team, enterprise, user } = installation;
      const workspace = idOf(installation);
      const caller = slackStranger({ team: enterprise ?? workspace, user, name: user });
      await auditedAs(deps, caller, 'install_slack', { workspace: team, organisation: enterprise }, () =>
        save(deps, installation),
      );
    },
    renew: (installation) => save(deps, installation),
    async find(workspace) {
      const row = await findInstallation(store, workspace);
      if (!row) return undefined;
      const value = ring.open({ table: 'slack_installations', id: row.id, owner: row.owner }, row);
      return { id: row.id, value, enterprise: row.enterprise };
    },
    organisations: () => organisationsInstalled(store.db),
    remove: (id, at) => deleteInstallation(store.db, id, at.toISOString()),
  };
}

function workspaceNotListed({ team, enterprise }: SlackWorkspace): EcolinkError {
  const name = enterprise === undefined ? `The workspace ${team}` : `The organisation ${enterprise}`;
  return fail('slack_workspace_not_listed', `${name} is not among those that ecolink.yaml lists.`, {
    nextStep: 'Add it under "slack": "workspaces" or "organisations", or use one that is there.',
  });
}

async function save({ store, ring, clock }: InstallationDeps, installation: NewInstallation): Promise<void> {
  const id = idOf(installation);
  const { enterprise, user, value } = installation;
  const owner = `slack:${enterprise ?? id}/${user}`;
  await ring.ensureKey();
  await store.transaction(async (transaction) => {
    const sealed = await ring.seal(transaction, { table: 'slack_installations', id, owner }, value);
    await saveInstallation(transaction, { id, owner, enterprise, ...sealed }, clock.now().toISOString());
  });
}

function idOf({ team, enterprise }: NewInstallation): string {
  const id = team ?? enterprise;
  if (id === undefined) throw new Error('Slack names neither a workspace nor an organisation.');
  return id;
}

async function findInstallation(
  { db }: Store,
  { team, enterprise }: SlackWorkspace,
): Promise<InstallationRow | undefined> {
  const ids = [team, enterprise].filter((id) => id !== undefined);
  if (ids.length === 0) return undefined;
  const exact = await installationsWithIds(db, ids);
  const [found] = ids.flatMap((id) => exact.filter((row) => row.id === id));
  if (found || team !== undefined || enterprise === undefined) return found;
  return (await installationsOfEnterprise(db, enterprise))[0];
}
