/** @file Routes about the endpoint: its settings, its key (one way only), a test, and what was spent. */
import type { Implementer } from './router.ts';
import type { Workbench } from './workbench.ts';

export function endpointRoutes(os: Implementer, { endpoint }: Workbench) {
  return {
    state: os.endpoint.state.handler(() => endpoint.state()),
    save: os.endpoint.save.handler(({ input }) => endpoint.save(input)),
    setKey: os.endpoint.setKey.handler(({ input }) => endpoint.setKey(input.key)),
    test: os.endpoint.test.handler(() => endpoint.test()),
    resetUsage: os.endpoint.resetUsage.handler(() => endpoint.resetUsage()),
  };
}
