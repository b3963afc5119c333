/** @file Reasons in words. */
import { describe, expect, it } from 'vitest';
import { plainReason } from './device-reason.ts';

describe('plainReason', () => {
  it('keeps what the runtime says in words', () => {
    expect(
      plainReason(
        'WebGPU: /onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters',
      ),
    ).toBe('Failed to get a WebGPU adapter: No supported adapters');
  });
  it('leaves plain words alone', () => {
    expect(plainReason('2 cores (AMD EPYC)')).toBe('2 cores (AMD EPYC)');
  });
});
