import type { HomeView, ModalView } from '@slack/types';
import type { SlackMessage } from '../../src/slack/blocks/text.ts';
import { blocksHtml } from './block-html.ts';
import type { Shape } from './block-html.ts';
import { plainHtml } from './mrkdwn.ts';

/** A screen to draw: a message, a modal or App Home. */
export type Screen = { message: SlackMessage; onlyYou?: boolean } | { modal: ModalView } | { home: HomeView };

const style = `
body { margin: 0; padding: 20px; background: #f4f4f5; font: 15px/1.46 "Lato", "Helvetica Neue", "DejaVu Sans", Arial, sans-serif; color: #1d1c1d; }
.card { background: #fff; border: 1px solid #dcdcdc; border-radius: 10px; max-width: 600px; overflow: hidden; }
.card.modal { max-width: 520px; box-shadow: 0 6px 24px rgba(0,0,0,.12); }
.bar { display: flex; align-items: center; justify-content: space-between; padding: 14px 20px; border-bottom: 1px solid #e4e4e4; font-weight: 700; font-size: 17px; }
.foot { display: flex; justify-content: flex-end; gap: 8px; padding: 12px 20px; border-top: 1px solid #e4e4e4; }
.body { padding: 12px 20px 16px; }
.from { display: flex; gap: 8px; align-items: baseline; padding-bottom: 2px; font-weight: 700; }
.from small { font-weight: 400; color: #616061; font-size: 12px; }
.section { display: flex; justify-content: space-between; gap: 12px; margin: 7px 0; }
.words { min-width: 0; overflow-wrap: anywhere; flex: 1; }
.accessory { flex: none; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; }
.context { color: #616061; font-size: 13px; margin: 6px 0; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0; }
.button { display: inline-block; border: 1px solid #c8c8c8; border-radius: 5px; padding: 4px 11px; font-weight: 700; font-size: 13px; background: #fff; white-space: nowrap; }
.button.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
.button.danger { color: #e01e5a; border-color: #e01e5a; }
.input { margin: 10px 0; }
.input label { font-weight: 700; display: block; margin-bottom: 4px; }
.optional { font-weight: 400; color: #616061; }
.hint { color: #616061; font-size: 13px; margin-top: 3px; }
.field { border: 1px solid #a9a9a9; border-radius: 5px; padding: 6px 10px; min-height: 21px; }
.field.tall { min-height: 58px; }
.field.menu::after { content: "⌄"; float: right; color: #616061; }
.placeholder { color: #767676; }
.chip { background: #e8f5fa; border-radius: 4px; padding: 1px 6px; margin-right: 5px; }
.tick { margin: 3px 0; }
hr { border: 0; border-top: 1px solid #e4e4e4; margin: 12px 0; }
h2 { font-size: 19px; margin: 6px 0; }
code { font: 12.5px "DejaVu Sans Mono", monospace; color: #c01343; background: #f6f6f6; border: 1px solid #e1e1e1; border-radius: 3px; padding: 0 3px; }
pre { font: 12.5px/1.4 "DejaVu Sans Mono", monospace; background: #f6f6f6; border: 1px solid #e1e1e1; border-radius: 4px; padding: 8px; white-space: pre-wrap; margin: 4px 0; }
blockquote { border-left: 4px solid #ddd; margin: 4px 0; padding-left: 10px; }
.user { color: #1264a3; background: #e8f5fa; border-radius: 3px; padding: 0 2px; }
.link { color: #1264a3; }`;

/** The page of one screen. Its script notes how high it is, for the picture. */
export function pageOf(screen: Screen): string {
  return `<!doctype html><html><head><meta charset="utf-8"><style>${style}</style></head><body>${cardOf(screen)}
<script>document.documentElement.dataset.height = document.querySelector('.card').offsetHeight + 40;</script></body></html>`;
}

function cardOf(screen: Screen): string {
  // Blocks are read as they are sent: as JSON.
  const html = (blocks: readonly unknown[]): string => blocksHtml(JSON.parse(JSON.stringify(blocks)) as Shape[]);
  if ('modal' in screen) {
    const { title, submit, close, blocks } = screen.modal;
    const buttons = [
      close ? `<span class="button">${plainHtml(close.text)}</span>` : '',
      submit ? `<span class="button primary">${plainHtml(submit.text)}</span>` : '',
    ];
    return `<div class="card modal"><div class="bar">${plainHtml(title.text)}<span>×</span></div><div class="body">${html(blocks)}</div><div class="foot">${buttons.join('')}</div></div>`;
  }
  if ('home' in screen) return `<div class="card"><div class="body">${html(screen.home.blocks)}</div></div>`;
  const { message, onlyYou } = screen;
  const who = `<div class="from">EcoLink <small>APP${onlyYou === true ? ' · Only visible to you' : ''}</small></div>`;
  return `<div class="card"><div class="body">${who}${html(message.blocks)}</div></div>`;
}
