import type { ModalView } from '@slack/types';
import { WebAPIPlatformError } from '@slack/web-api';
import type { Bot } from '../connect/bots.ts';

type Target = { view: ModalView } & ({ view_id: string; hash?: string } | { external_id: string });

/** Updates an open view. False if somebody closed it, or a later click changed it first. */
export async function updateOpen(bot: Bot, target: Target): Promise<boolean> {
  try {
    await bot.client.views.update(target);
    return true;
  } catch (thrown) {
    if (thrown instanceof WebAPIPlatformError && /hash_conflict|not_found/.test(thrown.data.error)) return false;
    throw thrown;
  }
}
