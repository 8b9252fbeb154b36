/** What a file is for, by its path. `other` belongs to the model: configs, tokenizers, templates, code. */
export type FileKind = 'housekeeping' | 'documentation' | 'training state' | 'not a model' | 'voice' | 'other';

const housekeepingFolder =
  /(?:^|\/)(?:\.git|\.cache|\.huggingface|\.eval_results|\.ipynb_checkpoints|\.ecolink|__pycache__)\//;
const housekeepingName =
  /^(?:\.git(?:attributes|ignore|keep|modules)?|\.ds_store|thumbs\.db)$|\.(?:incomplete|lock|part|tmp|aria2|crdownload|pyc|sha256)$/;
const documentName =
  /^(?:readme|licen[cs]e|copying|notice|use_policy|changelog|citation)(?:[._-]|$)|^(?:notes?|todo|changes|authors|contributors|disclaimer|terms)(?:\.txt)?$/;
const documentExtension = /\.(?:md|rst|png|jpe?g|gif|svg|webp|mp4|mov|webm|pdf|ipynb)$/;
const trainerName =
  /^(?:training_args\.(?:bin|pt)|trainer_state\.json|(?:optimizer|scheduler|scaler)\.(?:pt|pth|bin|safetensors)|rng_state.*\.pth?|random_states_\d+\.pkl|.*_optim_states\.pt|zero_to_fp32\.py|events\.out\.tfevents.*)$/;
const trainerFolder =
  /(?:^|\/)(?:(?:checkpoint|ckpt|global_?step|step|epoch|iter)(?:[-_=]?(?:epoch|step|iter))?[-_=]?\d+|(?:checkpoint|ckpt)[-_](?:best|final|last|latest)|(?:best|final|last|latest)[-_](?:checkpoint|ckpt)|lightning_logs|optimizer_\d+|pytorch_model_fsdp_\d+|runs|wandb|tensorboard)\//;
const notModel = /\.imatrix$|imatrix[^/]*\.(?:dat|gguf_file|bin|txt)$|(?:^|\/)ggml-vocab-[^/]*\.gguf$/;
const voice = /(?:^|\/)(?:voices?|speakers?|speaker_embeddings)\/|(?:^|\/)voices?\.(?:npz|bin|json|pt)$/;

export function fileKind(path: string): FileKind {
  const lower = path.toLowerCase();
  const name = lower.slice(lower.lastIndexOf('/') + 1);
  if (housekeepingFolder.test(lower) || housekeepingName.test(name)) return 'housekeeping';
  if (trainerFolder.test(lower) || trainerName.test(name)) return 'training state';
  if (notModel.test(lower)) return 'not a model';
  if (voice.test(lower)) return 'voice';
  if (documentName.test(name) || documentExtension.test(name)) return 'documentation';
  return 'other';
}

/** The checkpoint folder that a path is in, such as `checkpoint-500`. Undefined if there is none. */
export function trainerFolderOf(path: string): string | undefined {
  const found = trainerFolder.exec(path.toLowerCase());
  return found ? path.slice(0, found.index + found[0].length).replace(/\/$/, '') : undefined;
}

const readText = /(?:merges|vocab|token|dict|label|lexicon|bpe|spm|phone|symbol|speaker|lang|class|word|config)/;

/** False for files that no engine reads: notes, pictures, git's own files. A new text file with an unknown name counts as a note. */
export function countsAsModelFile(path: string, isNew: boolean): boolean {
  const kind = fileKind(path);
  if (kind === 'housekeeping' || kind === 'documentation') return false;
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return !(isNew && name.endsWith('.txt') && !readText.test(name));
}
