import { normalize } from 'node:path/posix';
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { configName } from '../../../config/names.ts';
import type { FilesystemConfig } from '../../../config/schema.ts';
import { fail } from '../../../base/errors.ts';
import type { EcolinkError } from '../../../base/errors.ts';
import type { Live } from '../api/kinds.ts';
import { annotations, labels } from '../api/names.ts';

type Claim = Live<V1PersistentVolumeClaim>;

/** A claim that models may be read from. */
export interface SharedClaim {
  name: string;
  claim: string;
  mountPath: string;
  /** Why it cannot be used. */
  problem?: EcolinkError;
}

/** What pods and the images of engines have there themselves: in a folder, or anywhere below it. */
const takenFolders = /^\/(app|home|opt|root|var)?$/;
const takenTrees =
  /^\/(bin|cache|dev|etc|home\/ecolink|lib|lib64|model|proc|run|sbin|sgl-workspace|sys|tmp|usr|var\/run|vllm-workspace)(\/|$)/;

function isTaken(path: string): boolean {
  const folder = normalize(`${path}/.`).replace(/(?<=.)\/$/, '');
  return takenFolders.test(folder) || takenTrees.test(folder);
}

/** Claims whose label says what filesystem they are, but what the config names already. Pure. */
export function labelledClaims(claims: readonly Claim[], configured: readonly FilesystemConfig[]): SharedClaim[] {
  const listed = new Set(configured.flatMap(({ name, claim }) => [`name ${name}`, `claim ${claim}`]));
  const byName = new Map<string, Claim[]>();
  for (const claim of claims) {
    const name = claim.metadata.labels?.[labels.filesystem];
    if (name === undefined || listed.has(`name ${name}`) || listed.has(`claim ${claim.metadata.name}`)) continue;
    byName.set(name, [...(byName.get(name) ?? []), claim]);
  }
  return [...byName].map(([name, [claim, ...others]]) => sharedClaim(name, claim as Claim, others.length > 0));
}

function sharedClaim(name: string, claim: Claim, twice: boolean): SharedClaim {
  const mountPath = claim.metadata.annotations?.[annotations.mountPath] ?? `/mnt/${name}`;
  const problem = badName(name) ?? badPath(mountPath) ?? (twice ? nameTwice(name) : whyNotShared(claim));
  return { name, claim: claim.metadata.name, mountPath, ...(problem ? { problem } : {}) };
}

/** Pods on several nodes read a filesystem at the same time. Pure. */
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
  return fail('filesystem_not_shared', `The claim ${name} is ${modes.join(', ')}: one node at a time may mount it.`, {
    nextStep: 'Use a claim that is ReadWriteMany or ReadOnlyMany.',
    field: 'filesystem',
  });
}

function badName(name: string): EcolinkError | undefined {
  if (configName.safeParse(name).success) return undefined;
  return fail('bad_filesystem_name', `The label ${labels.filesystem} says "${name}", which cannot be a name.`, {
    nextStep: 'Use 1 to 48 lower-case letters, digits, "." and "-".',
    field: 'filesystem',
  });
}

function badPath(path: string): EcolinkError | undefined {
  if (/^\/[^:]*$/.test(path) && !path.split('/').includes('..') && !isTaken(path)) return undefined;
  return fail('bad_mount_path', `The annotation ${annotations.mountPath} says "${path}".`, {
    nextStep: 'Give an absolute path that nothing else in a pod uses, such as /mnt/models.',
    field: 'filesystem',
  });
}

function nameTwice(name: string): EcolinkError {
  return fail('filesystem_twice', `Several claims in the namespace carry the label ${labels.filesystem}: ${name}.`, {
    nextStep: 'Give each a name of its own.',
    field: 'filesystem',
  });
}
