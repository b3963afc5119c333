/** @file Why a device can or cannot be used, without the runtime's own source locations. */

/** Drops file names, signatures and failed conditions of the C++ runtime; what it says in words stays. */
export function plainReason(reason: string): string {
  const words = reason.replace(/^.*?\/onnxruntime_src\/.*?(?:was false\.|Error:)\s*/s, '').trim();
  return words === '' ? reason : words;
}
