import { z } from 'zod';
import { randomId } from '../../core/base/ids.ts';

/** What somebody chose in the launch form, as typed. */
const choicesSchema = z.object({
  model: z.string().optional(),
  regions: z.array(z.string()).optional(),
  /** `h100:2`: the kind and the count for each replica. */
  accelerators: z.string().optional(),
  replicas: z.string().optional(),
  stop_after: z.string().optional(),
  reason: z.string().optional(),
  private: z.boolean().optional(),
  runtime: z.string().optional(),
  context_length: z.string().optional(),
  arguments: z.array(z.string()).optional(),
});
export type LaunchChoices = z.output<typeof choicesSchema>;
export type LaunchField = keyof LaunchChoices;

const launchFormSchema = z.object({
  id: z.string(),
  /** The channel of the command. Slack does not send it with a submission. */
  channel: z.string().optional(),
  /** True: the card goes to the person alone. */
  direct: z.boolean().optional(),
  /** Another channel for the card. */
  elsewhere: z.string().optional(),
  choices: choicesSchema,
  /** Whether runtime, context length and arguments are shown. */
  more: z.boolean(),
  /** Fields that the policy wants for this launch. */
  wanted: z.array(z.enum(['reason', 'stop_after'])),
  /** Parts of the typed line that were not understood. */
  unclear: z.array(z.string()),
  /** The digest of the plan that the view shows. */
  digest: z.string().optional(),
  /** True: the plan is the first view. There is no form behind it. */
  root: z.boolean().optional(),
});

/** The state of an open launch form. It is in the view's `private_metadata`, so that no server has to remember it. */
export type LaunchForm = z.output<typeof launchFormSchema>;

export function newLaunchForm(channel: string | undefined, choices: LaunchChoices, unclear: string[]): LaunchForm {
  return { id: randomId('form'), channel, choices, more: false, wanted: [], unclear };
}

/** Slack's limit for `private_metadata`. */
const metadataLimit = 3000;

/** The form as `private_metadata`. Undefined if it does not fit. */
export function writeLaunchForm(form: LaunchForm): string | undefined {
  const text = JSON.stringify(form);
  return text.length <= metadataLimit ? text : undefined;
}

/** The form behind a view. Undefined if the metadata is not ours. */
export function readLaunchForm(privateMetadata: string): LaunchForm | undefined {
  try {
    return launchFormSchema.parse(JSON.parse(privateMetadata));
  } catch {
    return undefined;
  }
}

/** The choices as the input of `plan_launch` and `launch_instance`. The operation refuses what is no number. */
export function launchInput({ choices }: LaunchForm) {
  const [accelerator, count] = choices.accelerators?.split(':') ?? [];
  return {
    model: choices.model ?? '',
    regions: choices.regions?.length ? choices.regions : undefined,
    replicas: numberOf(choices.replicas),
    accelerator,
    accelerator_count: numberOf(count),
    runtime: choices.runtime,
    context_length: numberOf(choices.context_length),
    arguments: choices.arguments?.length ? choices.arguments : undefined,
    private: choices.private ? true : undefined,
  };
}

/** What a launch has and a plan has not. */
export function launchTerms({ choices }: LaunchForm) {
  return { stop_after: choices.stop_after, reason: choices.reason };
}

/** The channel of the card. Undefined: it goes to the person by direct message, as everything private does. */
export function cardChannel({ channel, direct, elsewhere, choices }: LaunchForm): string | undefined {
  if (choices.private) return undefined;
  return elsewhere ?? (direct ? undefined : channel);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text);
}
