/** @file Imported before any schema: the page's CSP forbids `eval`, so Zod must not compile its validators. */
import { z } from 'zod';

z.config({ jitless: true });
