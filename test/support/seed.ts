// Random cases are the same in each run of the suite, so that it says the same of the same code; `FC_SEED=N` draws others.

import fc from 'fast-check';

fc.configureGlobal({seed: Number(process.env['FC_SEED'] ?? 1)});
