/** @file A long list under a filter: the filter, the pages that fit it, and reading again when either may have changed. */
import { ref, type Ref, type WatchSource } from 'vue';
import type { SampleFilter } from '../../src-main/contract/schemas.ts';
import { usePages, type Pages } from './usePages.ts';

/** What lists of questions and lists of pairs can both be filtered by. */
export type QuestionFilter = Pick<SampleFilter, 'text' | 'type' | 'split'>;

export interface FilteredPages<Filter, Row> {
  /** Replaced as a whole when a field changes; never changed in place. */
  readonly filter: Ref<Filter>;
  readonly pages: Pages<Row>;
}

/**
 * `read` gets one page of the list and the filter of the moment; it runs again whenever the filter or one of `sources`
 * changes. What else makes the list old (an event of the services) calls `pages.refresh`.
 */
export function useFilteredPages<Filter extends object, Row>(
  initial: Filter,
  read: (
    question: { offset: number; limit: number; filter: Filter },
    options: { signal: AbortSignal },
  ) => Promise<{ total: number; rows: Row[] }>,
  sources: readonly WatchSource[] = [],
): FilteredPages<Filter, Row> {
  const filter = ref(initial) as Ref<Filter>;
  const pages = usePages<Row>(
    (offset, limit, signal) => read({ offset, limit, filter: filter.value }, { signal }),
    [filter, ...sources],
  );
  return { filter, pages };
}
