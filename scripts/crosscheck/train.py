"""Does the training that `train.ts` did once more in PyTorch, and compares: `python train.py DIR`. See README.md.

Everything is made again from texts, frames and the first adapter: prompts by the processor, marks by the official scan of tagged text
(`rrpo.md` 2.1), labels, the official loss (1.3), PEFT's LoRA, torch's AdamW and clipping, transformers' schedule. Exits with 1 when a
metric of a step is off by more than 1e-4 of the largest, or the last adapter by more than 1e-3 (L2).
"""

import copy
import json
import math
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch.nn.functional import logsigmoid
from transformers import AutoProcessor, LlavaOnevisionForConditionalGeneration, get_cosine_schedule_with_warmup

BAR, ADAPTER_BAR = 1e-4, 1e-3
OPEN, CLOSE = "<MASK>", "</MASK>"
NAMES = ["loss", "rewards/chosen", "rewards/rejected", "kl/chosen", "kl/rejected", "logps/chosen", "logps/rejected"]
NAMES += ["grad_norm", "learning_rate"]


def scan(tagged, plain, tokenizer, tagger):
    """Phrase id of each token of `plain`, or None where the official loader rejects the answer."""
    space, on, off = (tagger.convert_tokens_to_ids(token) for token in ("Ġ", OPEN, CLOSE))
    ids = tagger(tagged + "<|im_end|>", add_special_tokens=False)["input_ids"]
    reference = tokenizer(plain + "<|im_end|>", add_special_tokens=False)["input_ids"]
    out, signs, count, flag, k = [], [], 0, False, 0
    while k < len(ids) - 1:
        pair = [ids[k], ids[k + 1]]
        tag = next((t for t in (on, off) if pair in ([space, t], [t, space]) or ids[k] == t), None)
        if tag is None:
            out.append(ids[k])
            signs.append(count if flag else 0)
            k += 1
            continue
        flag = tag == on
        count += flag
        k += 2 if space in pair and tag in pair else 1
    out.append(ids[-1])
    signs.append(count if flag else 0)
    if len(out) != len(reference):
        return None
    differs = [a != b for a, b in zip(out, reference)]
    if any(differs[i] and differs[i + 1] and signs[i] != signs[i + 1] for i in range(len(out) - 1)):
        return None
    return signs


def overlaps(tagged, plain, tokenizer):
    """The same from character offsets, for answers that the official loader rejects."""
    start = len(tagged.split(OPEN)[0])
    end = start + len(tagged.split(OPEN)[1].split(CLOSE)[0].strip())
    encoded = tokenizer(plain + "<|im_end|>", add_special_tokens=False, return_offsets_mapping=True)
    return [int(a < end and start < b) for a, b in encoded["offset_mapping"]]


def prompt_labels(ids, tokenizer, placeholder):
    """Positions of a prompt that the wider official mask labels (1.6.2); nothing predicts position 0."""
    markers = {tokenizer.convert_tokens_to_ids(token) for token in ("<|im_start|>", "<|im_end|>")}
    newline = tokenizer.convert_tokens_to_ids("Ċ")
    header = max(i for i, token in enumerate(ids) if token in markers)
    wide = [i for i, t in enumerate(ids) if t in markers or t == newline or i >= header]
    return [i for i in wide if i > 0 and ids[i] != placeholder]


def side(model, row, official):
    """Sums of one answer: marked log-ratios, KL and log-probabilities over labelled positions."""
    ids, prompt = row["ids"], row["prompt"]
    labelled = torch.zeros(len(ids), dtype=torch.bool)
    labelled[prompt:] = True
    if official:
        labelled[row["wide"]] = True
    inputs = {"input_ids": torch.tensor([ids]), "pixel_values_videos": row["pixels"]}
    logp = model(**inputs).logits[0, :-1].log_softmax(-1)
    with torch.no_grad(), model.disable_adapter():
        reference = model(**inputs).logits[0, :-1].log_softmax(-1)
    target = torch.tensor(ids[1:]).unsqueeze(1)
    own = logp.gather(1, target)[:, 0]
    ratio = own - reference.gather(1, target)[:, 0]
    kl = (reference.exp() * (reference - logp)).sum(-1)
    mask = labelled[1:]
    rewarded = torch.tensor(row["signs"][1:]) > 0
    return ratio[rewarded].sum(), kl[mask].sum(), own[mask].sum()


def prepare(told, frames):
    """Both answers of each pair as rows of tokens."""
    processor = AutoProcessor.from_pretrained(told["model"])
    tokenizer = processor.tokenizer
    tagger = copy.deepcopy(tokenizer)
    tagger.add_tokens([OPEN, CLOSE], special_tokens=True)
    placeholder = processor.video_token_id
    everything = told["config"]["objective"] in ("dpo", "rrpo_no_refined_reward")
    pairs, rejected = [], 0
    for pair in told["pairs"]:
        content = [{"type": "video"}, {"type": "text", "text": pair["question"]}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        video = frames[pair["id"]].permute(0, 3, 1, 2)
        inputs = processor(text=text, videos=[video], do_sample_frames=False, return_tensors="pt")
        prompt = inputs["input_ids"][0].tolist()
        rows = []
        for key in ("answer", "pred"):
            answer = tokenizer(pair[key] + "<|im_end|>", add_special_tokens=False)["input_ids"]
            signs = scan(pair[f"{key}_masked"], pair[key], tokenizer, tagger)
            if signs is None:
                rejected += 1
                signs = overlaps(pair[f"{key}_masked"], pair[key], tokenizer)
            signs = [1] * len(answer) if everything else signs
            rows.append(
                {
                    "ids": prompt + answer,
                    "prompt": len(prompt),
                    "signs": [0] * len(prompt) + signs,
                    "wide": prompt_labels(prompt, tokenizer, placeholder),
                    "pixels": inputs["pixel_values_videos"].float(),
                }
            )
        pairs.append(rows)
    print(f"{len(pairs)} pairs; marks by the official scan, {rejected} of {2 * len(pairs)} answers by offsets")
    return pairs


def main(folder):
    told = json.loads((folder / "train.json").read_text())
    config = told["config"]
    pairs = prepare(told, load_file(folder / "frames.safetensors"))
    base = LlavaOnevisionForConditionalGeneration.from_pretrained(told["model"], dtype=torch.float32)
    model = PeftModel.from_pretrained(base, told["before"], is_trainable=True).eval()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=config["learningRate"], weight_decay=config["weightDecay"])
    steps = told["totalSteps"]
    schedule = get_cosine_schedule_with_warmup(optimizer, math.ceil(config["warmupRatio"] * steps), steps)
    official = config["klScope"] == "official"
    with_kl = config["objective"] in ("rrpo", "rrpo_no_refined_reward")
    beta, alpha = config["beta"], config["alpha"] if with_kl else 0.0
    group = config["batchPairs"] * config["accumulation"]
    ours, theirs = [], []
    for step in range(steps):
        chosen_pairs = told["order"][step * group : (step + 1) * group]
        rows = []
        optimizer.zero_grad()
        for index in chosen_pairs:
            (good, kl, logp), (bad, kl_bad, logp_bad) = (side(model, row, official) for row in pairs[index])
            loss = -logsigmoid(beta * (good - bad)) + alpha * kl
            (loss / len(chosen_pairs)).backward()
            rows.append([v.item() for v in (loss, beta * good, beta * bad, kl, kl_bad, logp, logp_bad)])
        norm = torch.nn.utils.clip_grad_norm_(parameters, config["maxGradNorm"]).item()
        rate = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        theirs.append([*torch.tensor(rows, dtype=torch.float64).mean(0).tolist(), norm, rate])
        line = told["metrics"][step]
        ours.append([line[name] for name in NAMES])
        print(f"step {step + 1:2}, {len(chosen_pairs)} pairs: loss {line['loss']:.6f}, PyTorch {theirs[-1][0]:.6f}, norm {norm:.3f}")
    a, b = torch.tensor(ours, dtype=torch.float64), torch.tensor(theirs, dtype=torch.float64)
    off = (a - b).abs().max(0).values / b.abs().max(0).values
    for name, value in zip(NAMES, off.tolist()):
        print(f"{name:16} off by {value:.1e} of the largest")
    adapter = load_file(Path(told["after"]) / "adapter_model.safetensors")
    last = {name.replace(".default", ""): p for name, p in model.named_parameters() if p.requires_grad}
    if sorted(adapter) != sorted(last):
        print("the adapters have other tensors")
        return 1
    mine, other = (torch.cat([t[key].detach().flatten().double() for key in sorted(adapter)]) for t in (adapter, last))
    error = ((mine - other).norm() / other.norm()).item()
    print(f"last adapter: {len(adapter)} matrices, off by {error:.1e} (L2)")
    return 0 if off.max() < BAR and error < ADAPTER_BAR else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
