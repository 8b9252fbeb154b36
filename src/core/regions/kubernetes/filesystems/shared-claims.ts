import { normalize } from 'node:path/posix';
import { fail } from '../../../base/errors.ts';
import type { EcolinkError } from '../../../base/errors.ts';
import { configName } from '../../../config/names.ts';
import type { FilesystemConfig } from '../../../config/schema.ts';
import type { Claim } from '../api/kinds.ts';
import { annotations, labels } from '../api/names.ts';

/** A claim that holds models. */
export interface SharedClaim {
  name: string;
  claim: string;
  mountPath: string;
  /** Why it cannot be used. */
  problem?: EcolinkError | undefined;
}

/** Folders that pods and engine images use themselves. Folders below them are free. */
const takenFolders = /^\/(app|home|opt|root|var)?$/;
/** Folders that are taken with everything below them. */
const takenTrees =
  /^\/(bin|cache|dev|etc|home\/ecolink|lib|lib64|model|proc|run|sbin|sgl-workspace|sys|tmp|usr|var\/run|vllm-workspace)(\/|$)/;

function isTaken(path: string): boolean {
  const folder = normalize(`${path}/.`).replace(/(?<=.)\/$/, '');
  return takenFolders.test(folder) || takenTrees.test(folder);
}

/** The claims with a filesystem label, except those that the config names. Pure. */
export function labelledClaims(claims: readonly Claim[], configured: readonly FilesystemConfig[]): SharedClaim[] {
  const listed = new Set(configured.flatMap(({ name, claim }) => [`name ${name}`, `claim ${claim}`]));
  const byName = new Map<string, { claim: Claim; isTwice: boolean }>();
  for (const claim of claims) {
    const name = claim.metadata.labels?.[labels.filesystem];
    if (name === undefined || listed.has(`name ${name}`) || listed.has(`claim ${claim.metadata.name}`)) continue;
    const first = byName.get(name)?.claim;
    byName.set(name, { claim: first ?? claim, isTwice: first !== undefined });
  }
  return [...byName].map(([name, { claim, isTwice }]) => sharedClaim(name, claim, isTwice));
}

function sharedClaim(name: string, claim: Claim, isTwice: boolean): SharedClaim {
  const mountPath = claim.metadata.annotations?.[annotations.mountPath] ?? `/mnt/${name}`;
  const problem = badName(name) ?? badPath(mountPath) ?? (isTwice ? nameTwice(name) : whyNotShared(claim));
  return { name, claim: claim.metadata.name, mountPath, problem };
}

/** Pods on several nodes must be able to read a filesystem at the same time. Pure. */
export function whyNotShared({ metadata, spec, status }: Claim): EcolinkError | undefined {
  const { name } = metadata;
  if (metadata.deletionTimestamp !== undefined) {
    return fail('filesystem_missing', `The claim ${name} is being deleted.`, {
      nextStep: 'Use another claim.',
      field: 'filesystem',
    });
  }
  if (status?.phase === 'Lost') {
    return fail('filesystem_missing', `The claim ${name} has lost its volume.`, {
      nextStep: 'Bind it to a volume again, or use another claim.',
      field: 'filesystem',
    });
  }
  const modes = spec?.accessModes ?? [];
  if (modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) return undefined;
  return fail(
    'filesystem_not_shared',
    `The claim ${name} is ${modes.join(', ')}: only one node at a time may mount it.`,
    {
      nextStep: 'Use a claim that is ReadWriteMany or ReadOnlyMany.',
      field: 'filesystem',
    },
  );
}

function badName(name: string): EcolinkError | undefined {
  if (configName.safeParse(name).success) return undefined;
  return fail('bad_filesystem_name', `The label ${labels.filesystem} says "${name}", which is no valid name.`, {
    nextStep: 'Use 1 to 48 lower-case letters, digits, "." and "-".',
    field: 'filesystem',
  });
}

function badPath(path: string): EcolinkError | undefined {
  if (/^\/[^:]*$/.test(path) && !path.split('/').includes('..') && !isTaken(path)) return undefined;
  return fail('bad_mount_path', `The annotation ${annotations.mountPath} says "${path}".`, {
    nextStep: 'Set it to an absolute path that nothing else in a pod uses, such as /mnt/models.',
    field: 'filesystem',
  });
}

function nameTwice(name: string): EcolinkError {
  return fail('filesystem_twice', `Several claims in the namespace have the label ${labels.filesystem}=${name}.`, {
    nextStep: 'Give each claim another name in this label.',
    field: 'filesystem',
  });
}
