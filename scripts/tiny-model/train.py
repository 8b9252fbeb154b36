"""Trains the tiny chat model of the quickstart on our own text, and writes it as a GGUF file for llama.cpp.

    pip install -r scripts/tiny-model/requirements.txt
    python3 scripts/tiny-model/train.py src/quickstart/tiny-chat.gguf

It takes about ten minutes on two cores. The same versions and the same machine make the same file.
"""

import random
import sys
import tempfile
from pathlib import Path

import gguf
import jax
import jax.numpy as jnp
import numpy as np
import optax
import sentencepiece

HERE = Path(__file__).parent
VOCABULARY, WIDTH, HEADS, HIDDEN, LAYERS, LENGTH = 768, 160, 5, 416, 4, 128
HEAD = WIDTH // HEADS
EPSILON, ROPE_BASE = 1e-5, 10_000.0
BATCH = 32
UNKNOWN, BEGIN, END = 0, 1, 2
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def read_talk():
    """Pairs of a question and its answer, and sentences without a question."""
    pairs, sentences, questions = [], [], []
    for line in (HERE / "talk.txt").read_text().splitlines():
        mark, text = line[:1], line[2:].strip()
        if mark == "?":
            questions.append(text)
        elif mark == "=":
            pairs += [(question, text) for question in questions]
            sentences.append(text)
            questions = []
    return pairs, sentences


def read_unknown():
    """Words for questions that the model cannot answer, and what it says to all of them."""
    lines = (HERE / "unknown.txt").read_text().splitlines()
    words = [word for line in lines if line[:1] == "~" for word in line[2:].split()]
    return words, next(line[2:] for line in lines if line[:1] == "=")


def train_tokenizer(texts):
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "text")
        corpus.write_text("\n".join(texts))
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=str(Path(folder, "m")), model_type="bpe", vocab_size=VOCABULARY,
            byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False,
            normalization_rule_name="identity", unk_id=UNKNOWN, bos_id=BEGIN, eos_id=END, minloglevel=2,
        )
        return sentencepiece.SentencePieceProcessor(model_file=str(Path(folder, "m.model")))


class Talks:
    """Makes conversations as the chat template writes them."""

    def __init__(self, tokenizer, dice):
        self.encode, self.dice = tokenizer.encode, dice
        self.pairs, self.sentences = read_talk()
        self.words, self.shrug = read_unknown()
        # Each answer comes as often as every other one, however many questions lead to it.
        self.by_answer = {}
        for question, answer in self.pairs:
            self.by_answer.setdefault(answer, []).append(question)
        self.answers = list(self.by_answer)

    def turn(self):
        if self.dice.random() < 0.12:
            words = self.dice.sample(self.words, self.dice.randint(2, 9))
            return self.vary(" ".join(words).capitalize() + self.dice.choice(["?", ".", "", "!"])), self.shrug
        answer = self.dice.choice(self.answers)
        return self.vary(self.dice.choice(self.by_answer[answer])), answer

    def vary(self, question):
        roll = self.dice.random()
        if roll < 0.15:
            question = question.lower()
        if roll < 0.3:
            question = question.rstrip("?.!")
        elif roll > 0.94:
            question = self.dice.choice(["Please: ", "So, ", "Tell me: ", "Question: "]) + question
        return question

    def one(self):
        """Tokens and weights. The weights say which tokens the model learns to write."""
        tokens, weights = [BEGIN], [0.0]

        def add(more, weight):
            tokens.extend(more)
            weights.extend([weight] * len(more))

        if self.dice.random() < 0.1:
            add(self.encode(self.dice.choice(self.sentences)) + [END], 1.0)
            return tokens[: LENGTH + 1], weights[: LENGTH + 1]
        if self.dice.random() < 0.1:
            add(self.encode("system: You are a helpful assistant.") + [END], 0.0)
        for _ in range(self.dice.choice([1, 1, 1, 2, 3])):
            question, answer = self.turn()
            add(self.encode(f"user: {question}") + [END], 0.0)
            add(self.encode("assistant: "), 0.0)
            add(self.encode(answer) + [END], 1.0)
        return tokens[: LENGTH + 1], weights[: LENGTH + 1]

    def batch(self):
        tokens = np.full((BATCH, LENGTH + 1), END, np.int32)
        weights = np.zeros((BATCH, LENGTH + 1), np.float32)
        for row in range(BATCH):
            some, how = self.one()
            tokens[row, : len(some)], weights[row, : len(how)] = some, how
        return tokens, weights


def first_parameters(key):
    def matrix(key, columns, rows, scale=1.0):
        return jax.random.normal(key, (rows, columns)) * scale * columns**-0.5

    def layer(key):
        keys = jax.random.split(key, 7)
        small = (2 * LAYERS) ** -0.5
        return {
            "attn_norm": jnp.ones(WIDTH), "ffn_norm": jnp.ones(WIDTH),
            "attn_q": matrix(keys[0], WIDTH, WIDTH), "attn_k": matrix(keys[1], WIDTH, WIDTH),
            "attn_v": matrix(keys[2], WIDTH, WIDTH), "attn_output": matrix(keys[3], WIDTH, WIDTH, small),
            "ffn_gate": matrix(keys[4], WIDTH, HIDDEN), "ffn_up": matrix(keys[5], WIDTH, HIDDEN),
            "ffn_down": matrix(keys[6], HIDDEN, WIDTH, small),
        }

    keys = jax.random.split(key, LAYERS + 1)
    return {
        "token_embd": jax.random.normal(keys[-1], (VOCABULARY, WIDTH)) * 0.05,
        "output_norm": jnp.ones(WIDTH),
        "layers": [layer(key) for key in keys[:-1]],
    }


def norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPSILON) * weight


def rotate(x):
    """Rotary positions over neighbouring pairs, as llama.cpp does for the architecture "llama"."""
    positions = jnp.arange(x.shape[1])[:, None]
    angles = positions * ROPE_BASE ** (-jnp.arange(0, HEAD, 2) / HEAD)
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def logits(parameters, tokens):
    x = parameters["token_embd"][tokens]
    batch, length = tokens.shape
    mask = jnp.tril(jnp.ones((length, length), bool))
    heads = lambda y: y.reshape(batch, length, HEADS, HEAD)
    for layer in parameters["layers"]:
        y = norm(x, layer["attn_norm"])
        q, k, v = (heads(y @ layer[name].T) for name in ("attn_q", "attn_k", "attn_v"))
        scores = jnp.einsum("blhd,bmhd->bhlm", rotate(q), rotate(k)) * HEAD**-0.5
        weights = jax.nn.softmax(jnp.where(mask, scores, -1e9), -1)
        y = jnp.einsum("bhlm,bmhd->blhd", weights, v).reshape(batch, length, WIDTH)
        x = x + y @ layer["attn_output"].T
        y = norm(x, layer["ffn_norm"])
        x = x + (jax.nn.silu(y @ layer["ffn_gate"].T) * (y @ layer["ffn_up"].T)) @ layer["ffn_down"].T
    # The output shares its weights with the embedding, to halve them.
    return norm(x, parameters["output_norm"]) @ parameters["token_embd"].T


read_logits = jax.jit(logits)


def loss(parameters, tokens, weights):
    losses = optax.softmax_cross_entropy_with_integer_labels(logits(parameters, tokens[:, :-1]), tokens[:, 1:])
    weights = weights[:, 1:]
    return (losses * weights).sum() / weights.sum()


def train(tokenizer, steps):
    dice = random.Random(1)
    talks = Talks(tokenizer, dice)
    parameters = first_parameters(jax.random.key(1))
    rate = optax.warmup_cosine_decay_schedule(0.0, 3e-3, 50, steps, 1e-4)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, b2=0.98, weight_decay=0.05))
    state = optimizer.init(parameters)

    @jax.jit
    def step(parameters, state, tokens, weights):
        value, gradient = jax.value_and_grad(loss)(parameters, tokens, weights)
        updates, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    for number in range(steps):
        parameters, state, value = step(parameters, state, *talks.batch())
        if number % 50 == 0 or number == steps - 1:
            print(f"step {number}: loss {value:.3f}", flush=True)
    return parameters


def write(path, parameters, tokenizer):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("EcoLink tiny chat")
    writer.add_description("A tiny model for a first try, trained on a few sentences about EcoLink.")
    writer.add_license("Apache-2.0")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_tokenizer_model("llama")
    ids = range(VOCABULARY)
    kind = gguf.TokenType
    writer.add_token_list([tokenizer.id_to_piece(id) for id in ids])
    writer.add_token_scores([tokenizer.get_score(id) for id in ids])
    writer.add_token_types([
        kind.UNKNOWN if id == UNKNOWN else kind.CONTROL if id in (BEGIN, END)
        else kind.BYTE if tokenizer.is_byte(id) else kind.NORMAL
        for id in ids
    ])
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    def add(name, values):
        values = np.asarray(values, np.float32)
        if values.ndim == 1:
            return writer.add_tensor(name, values)
        kind = gguf.GGMLQuantizationType.Q8_0
        return writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", parameters["token_embd"])
    add("output_norm.weight", parameters["output_norm"])
    for number, layer in enumerate(parameters["layers"]):
        for name, values in layer.items():
            add(f"blk.{number}.{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def answer(parameters, tokenizer, question, most=60):
    tokens = [BEGIN, *tokenizer.encode(f"user: {question}"), END, *tokenizer.encode("assistant: ")]
    start = len(tokens)
    while len(tokens) < min(start + most, LENGTH):
        row = jnp.zeros((1, LENGTH), jnp.int32).at[0, : len(tokens)].set(jnp.array(tokens))
        token = int(read_logits(parameters, row)[0, len(tokens) - 1].argmax())
        if token == END:
            break
        tokens.append(token)
    return tokenizer.decode(tokens[start:])


def main(path, steps=800):
    pairs, sentences = read_talk()
    words, shrug = read_unknown()
    texts = [*(f"user: {question}" for question, _ in pairs), *(f"assistant: {text}" for text in sentences), shrug]
    tokenizer = train_tokenizer([*texts, *sentences, *words])
    parameters = train(tokenizer, int(steps))
    write(path, parameters, tokenizer)
    wrong = 0
    for question, expected in pairs:
        if answer(parameters, tokenizer, question) != expected:
            wrong += 1
    print(f"{len(pairs) - wrong} of {len(pairs)} questions are answered word for word")
    # Nobody trained it on these.
    for question in ["How can I launch my model?", "What does a registry do?", "Who won the football game?", "Explain a volume."]:
        print(f"{question} -> {answer(parameters, tokenizer, question)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
