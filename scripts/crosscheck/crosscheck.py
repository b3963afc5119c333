"""Compares what `answers.ts` wrote with transformers and PEFT: `python crosscheck.py DIR`. See README.md.

Exits with 1 when a key is missing or unexpected, a token differs, or a logit is off by more than 1e-4 of the largest one.
"""

import json
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoProcessor, LlavaOnevisionForConditionalGeneration

BAR = 1e-4


def load(directory):
    """The model in float32, and the keys that its files lack or have too many."""
    model, info = LlavaOnevisionForConditionalGeneration.from_pretrained(
        directory, dtype=torch.float32, output_loading_info=True
    )
    return model.eval(), {key: sorted(names) for key, names in info.items() if names}


@torch.no_grad()
def answer(model, inputs, length):
    """Greedy tokens [T] and the logits that each was chosen from [T, V]."""
    out = model.generate(
        **inputs, do_sample=False, max_new_tokens=length, output_logits=True, return_dict_in_generate=True
    )
    return out.sequences[0, inputs["input_ids"].shape[1] :].tolist(), torch.cat(out.logits)


def error(ours, theirs):
    """Largest difference, relative to the largest value; infinite when the shapes differ."""
    if ours.shape != theirs.shape:
        return float("inf")
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def main(folder):
    answers = json.loads((folder / "answers.json").read_text())
    tensors = load_file(folder / "tensors.safetensors")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
    failures = []

    base, report = load(answers["model"])
    variants = {"base": (base, "base")}
    if report:
        failures.append(f"model: {report}")
    if answers["adapter"]:
        wrapped = PeftModel.from_pretrained(load(answers["model"])[0], answers["adapter"])
        result = wrapped.load_adapter(answers["adapter"], "again")
        lora = [name for name, _ in wrapped.named_parameters() if ".lora_" in name and ".again." in name]
        inside = [name for name in lora if "language_model" not in name]
        missing = [key for key in result.missing_keys if ".lora_" in key]
        if missing or result.unexpected_keys or inside:
            failures.append(f"adapter: missing {missing}, unexpected {result.unexpected_keys}, outside {inside}")
        print(f"adapter: {len(lora)} matrices, all in the language model")
        variants["adapter"] = (wrapped.eval(), "adapted")
    if answers["merged"]:
        merged, report = load(answers["merged"])
        if report:
            failures.append(f"merged: {report}")
        variants["merged"] = (merged, "adapted")

    processor = AutoProcessor.from_pretrained(answers["model"])
    worst = {}
    for i, case in enumerate(answers["cases"]):
        content = [{"type": "video"}, {"type": "text", "text": case["question"]}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        frames = tensors[f"{i}.frames"].permute(0, 3, 1, 2)  # [F, 3, H, W]
        inputs = processor(text=text, videos=[frames], do_sample_frames=False, return_tensors="pt")
        if inputs["input_ids"][0].tolist() != case["ids"]:
            failures.append(f"{case['video']}: other prompt ids")
            continue
        pixels = error(tensors[f"{i}.pixels"], inputs["pixel_values_videos"][0].float())
        worst["pixels"] = max(worst.get("pixels", 0), pixels)
        for name, (model, key) in variants.items():
            tokens, logits = answer(model, inputs, len(case[key]["tokens"]))
            if tokens != case[key]["tokens"]:
                failures.append(f"{case['video']}: {name}: tokens {case[key]['tokens']}, got {tokens}")
                continue
            # A merged checkpoint is rounded to the base's dtype, so only its tokens are comparable.
            off = error(tensors[f"{i}.{key}"], logits)
            worst[name] = max(worst.get(name, 0), off)
            if name != "merged" and off > BAR:
                failures.append(f"{case['video']}: {name}: logits off by {off:.1e}")
        print(f"{case['video']:24} {case['type']:16} {case['base']['text']}")
    print("largest relative difference:", ", ".join(f"{name} {value:.1e}" for name, value in worst.items()))
    print("\n".join(failures) if failures else f"all {len(answers['cases'])} questions agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
