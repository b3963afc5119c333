/**
 * @file The schema of `workbench.sqlite`, as numbered steps. A project of an older version is brought forward in one
 * transaction per step; a project of a newer version is refused untouched. Steps are never edited after a release, only added.
 */
import { UserError } from '../platform/errors.ts';
import type { Database } from './sqlite.ts';

/** One step: what it does, in words for the log, and the SQL. */
type Migration = { readonly what: string; readonly sql: string };

/** Step n brings a database from version n to n + 1. */
const MIGRATIONS: readonly Migration[] = [
  {
    what: 'videos, samples, pairs and their journal',
    sql: `
      CREATE TABLE videos (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        path TEXT NOT NULL UNIQUE,             -- portable form, see platform/paths.ts
        state TEXT NOT NULL,
        sha256 TEXT UNIQUE,
        bytes INTEGER,
        container TEXT, codec TEXT, width INTEGER, height INTEGER, rotation REAL,
        duration REAL, frame_count INTEGER, frame_rate TEXT, has_audio INTEGER,
        playback TEXT NOT NULL DEFAULT 'none',
        proxy TEXT,                            -- portable path of the proxy file
        split TEXT NOT NULL,
        split_stated INTEGER NOT NULL DEFAULT 0, -- a sample file or a person said so; otherwise drawn by seed
        findings TEXT NOT NULL DEFAULT '[]',
        created_at INTEGER NOT NULL
      );
      CREATE INDEX videos_bytes ON videos (bytes);
      CREATE INDEX videos_name ON videos (name);

      CREATE TABLE video_pts (
        video_id TEXT PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
        pts BLOB NOT NULL                      -- library/pts-blob.ts
      );

      CREATE TABLE samples (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        video_id TEXT NOT NULL REFERENCES videos (id),
        question TEXT NOT NULL,
        type TEXT NOT NULL,
        chosen TEXT NOT NULL,
        source TEXT NOT NULL,
        external_id TEXT,                      -- the id that the imported file gives it
        extra TEXT NOT NULL DEFAULT '{}',      -- JSON: what a format carries and the workbench does not use
        fingerprint BLOB NOT NULL UNIQUE,      -- of video, question and chosen: the same row is imported once
        created_at INTEGER NOT NULL
      );
      CREATE INDEX samples_video ON samples (video_id, seq);
      CREATE INDEX samples_type ON samples (type, seq);
      CREATE VIRTUAL TABLE samples_fts USING fts5 (
        question, chosen, content = 'samples', content_rowid = 'seq', tokenize = 'trigram remove_diacritics 1'
      );
      CREATE TRIGGER samples_fts_insert AFTER INSERT ON samples BEGIN
        INSERT INTO samples_fts (rowid, question, chosen) VALUES (new.seq, new.question, new.chosen);
      END;
      CREATE TRIGGER samples_fts_delete AFTER DELETE ON samples BEGIN
        INSERT INTO samples_fts (samples_fts, rowid, question, chosen) VALUES ('delete', old.seq, old.question, old.chosen);
      END;
      CREATE TRIGGER samples_fts_update AFTER UPDATE OF question, chosen ON samples BEGIN
        INSERT INTO samples_fts (samples_fts, rowid, question, chosen) VALUES ('delete', old.seq, old.question, old.chosen);
        INSERT INTO samples_fts (rowid, question, chosen) VALUES (new.seq, new.question, new.chosen);
      END;

      CREATE TABLE pairs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        sample_id TEXT NOT NULL REFERENCES samples (id),
        chosen TEXT NOT NULL,
        rejected TEXT NOT NULL,
        phrases TEXT NOT NULL,                 -- JSON, contract Phrase[]
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        lints TEXT NOT NULL,                   -- JSON, codes only: for filtering; the sentences are made on reading
        provenance TEXT NOT NULL,              -- JSON, contract Provenance
        origin BLOB NOT NULL,                  -- hash of the rejected answer as it came: the same candidate is taken once
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      );
      CREATE INDEX pairs_sample ON pairs (sample_id, origin);
      CREATE INDEX pairs_status ON pairs (status, seq);
      CREATE VIRTUAL TABLE pairs_fts USING fts5 (
        question, chosen, rejected, content = '', contentless_delete = 1, tokenize = 'trigram remove_diacritics 1'
      );
      CREATE TRIGGER pairs_fts_insert AFTER INSERT ON pairs BEGIN
        INSERT INTO pairs_fts (rowid, question, chosen, rejected)
          SELECT new.seq, question, new.chosen, new.rejected FROM samples WHERE id = new.sample_id;
      END;
      CREATE TRIGGER pairs_fts_delete AFTER DELETE ON pairs BEGIN
        DELETE FROM pairs_fts WHERE rowid = old.seq;
      END;
      CREATE TRIGGER pairs_fts_update AFTER UPDATE OF chosen, rejected ON pairs BEGIN
        DELETE FROM pairs_fts WHERE rowid = old.seq;
        INSERT INTO pairs_fts (rowid, question, chosen, rejected)
          SELECT new.seq, question, new.chosen, new.rejected FROM samples WHERE id = new.sample_id;
      END;

      CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        pair_id TEXT NOT NULL REFERENCES pairs (id) ON DELETE CASCADE,
        version INTEGER NOT NULL,              -- the pair's version after the change
        at INTEGER NOT NULL,
        reviewer TEXT NOT NULL,
        action TEXT NOT NULL,
        summary TEXT NOT NULL,
        before TEXT,                           -- JSON of text, marks and status; null on 'created', 'undo', 'redo'
        after TEXT,
        undo TEXT NOT NULL                     -- 'done', 'undone', 'dropped' (undone, then edited over), 'none'
      );
      CREATE INDEX journal_pair ON journal (pair_id, seq);
    `,
  },
  {
    what: 'answers to perturbed clips, evaluations',
    sql: `
      CREATE TABLE attempts (
        sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
        conditions TEXT NOT NULL,              -- hash of model, recipe, seed and decoding: asked once under the same ones
        answer TEXT NOT NULL,
        verdict TEXT NOT NULL,                 -- right (set aside), wrong (became a pair), unparseable (flagged)
        reason TEXT NOT NULL,
        pair_id TEXT,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (sample_id, conditions)
      );
      CREATE TABLE evaluations (
        id TEXT PRIMARY KEY,
        run_id TEXT,                           -- null: the base model
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        settings TEXT NOT NULL                 -- JSON: model hash, adapter, decoding, filter
      );
      CREATE TABLE evaluation_answers (
        evaluation_id TEXT NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
        sample_id TEXT NOT NULL,
        answer TEXT NOT NULL,
        verdict TEXT NOT NULL,
        reason TEXT NOT NULL,
        kl REAL,                               -- sum over the preferred answer, nats; null for the base model
        PRIMARY KEY (evaluation_id, sample_id)
      );
    `,
  },
  {
    what: 'what videos look like, near-duplicates',
    sql: `
      CREATE TABLE video_looks (
        video_id TEXT PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
        mean REAL NOT NULL,                    -- of all values: what a search for the same look goes by first
        look BLOB NOT NULL                     -- media/look.ts
      );
      CREATE INDEX video_looks_mean ON video_looks (mean);
      ALTER TABLE videos ADD COLUMN alike TEXT; -- shared by videos that look the same (transitively); null: none other does
      CREATE INDEX videos_alike ON videos (alike);
    `,
  },
  {
    what: 'queues by source, kind, check and reviewer; what each reviewer made of a pair; bulk changes',
    sql: `
      -- Copies of the sample's columns and the origin as one key: a filter reads one narrow index instead of three wide tables.
      ALTER TABLE pairs ADD COLUMN video_id TEXT NOT NULL DEFAULT '';
      ALTER TABLE pairs ADD COLUMN type TEXT NOT NULL DEFAULT '';
      ALTER TABLE pairs ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- pairs/rows.ts sourceKey
      ALTER TABLE pairs ADD COLUMN holder TEXT;                     -- whose version the row holds; null: nobody has touched it
      UPDATE pairs SET
        (video_id, type) = (SELECT video_id, type FROM samples WHERE id = sample_id),
        source = CASE json_extract(provenance, '$.kind')
          WHEN 'imported' THEN 'import:' || (SELECT source FROM samples WHERE id = sample_id)
          WHEN 'generated' THEN 'recipe:' || coalesce(
            (SELECT group_concat(json_extract(value, '$.op'), '+') FROM json_each(provenance, '$.recipe')), '')
          WHEN 'model-answer' THEN 'compare'
          ELSE 'written' END,
        holder = (SELECT reviewer FROM journal WHERE pair_id = pairs.id AND action <> 'created' ORDER BY seq DESC LIMIT 1);
      CREATE TRIGGER pairs_follow_sample AFTER UPDATE OF video_id, type ON samples BEGIN
        UPDATE pairs SET video_id = new.video_id, type = new.type WHERE sample_id = new.id;
      END;
      DROP INDEX pairs_status;
      CREATE INDEX pairs_queue ON pairs (status, seq, type, video_id, source, lints, holder);
      CREATE INDEX pairs_narrow ON pairs (seq, status, type, video_id, source, lints, holder);

      CREATE TABLE reviews (
        pair_seq INTEGER NOT NULL REFERENCES pairs (seq) ON DELETE CASCADE,
        reviewer TEXT NOT NULL,
        status TEXT NOT NULL,                  -- 'pending': touched, not decided by this reviewer
        chosen TEXT NOT NULL,
        rejected TEXT NOT NULL,
        phrases TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (pair_seq, reviewer)
      );
      CREATE INDEX reviews_reviewer ON reviews (reviewer, pair_seq, status);
      INSERT INTO reviews (pair_seq, reviewer, status, chosen, rejected, phrases, at)
        SELECT p.seq, p.holder, p.status, p.chosen, p.rejected, p.phrases, p.updated_at FROM pairs p WHERE p.holder IS NOT NULL;

      CREATE TABLE bulks (
        id TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        reviewer TEXT NOT NULL,
        summary TEXT NOT NULL,
        changed INTEGER NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0
      );
      ALTER TABLE journal ADD COLUMN bulk TEXT;
      CREATE INDEX journal_bulk ON journal (bulk) WHERE bulk IS NOT NULL;
      CREATE INDEX journal_decisions ON journal (reviewer, at) WHERE action = 'status';
    `,
  },
  {
    what: 'imports that were stopped, and what only one of several candidates of a sample carries',
    sql: `
      CREATE TABLE imports (
        path TEXT PRIMARY KEY,
        file TEXT NOT NULL,                    -- size, time and hash of the beginning: another one is another file
        settings TEXT NOT NULL,                -- JSON: format, folder of the videos, mapping
        byte INTEGER NOT NULL,                 -- everything before it is in
        line INTEGER NOT NULL,
        layout TEXT NOT NULL,                  -- JSON, library/text/cursor.ts
        counts TEXT NOT NULL,                  -- JSON: rows read, imported, duplicates, failed
        started_at INTEGER NOT NULL
      );
      CREATE TABLE import_errors (
        path TEXT NOT NULL,
        line INTEGER NOT NULL,
        reason TEXT NOT NULL
      );
      CREATE INDEX import_errors_path ON import_errors (path, line);
      ALTER TABLE pairs ADD COLUMN external_id TEXT; -- where it differs from the sample's: a second answer to the same question
      ALTER TABLE pairs ADD COLUMN extra TEXT;       -- the same, JSON
      CREATE INDEX videos_drawn ON videos (split_stated);
    `,
  },
  {
    what: 'samples in the order of their questions',
    sql: `CREATE INDEX samples_question ON samples (question, seq);`,
  },
  {
    what: 'generations that go on after a restart, and why samples were left out',
    sql: `
      CREATE TABLE generations (
        id TEXT PRIMARY KEY,                   -- of its job
        request TEXT NOT NULL,                 -- JSON, contract GenerateRequest
        state TEXT NOT NULL,                   -- of its job; what is not ended goes on when the project is opened
        pairs INTEGER NOT NULL DEFAULT 0,      -- new pending pairs so far
        created_at INTEGER NOT NULL
      );
      CREATE TABLE generation_skips (
        generation_id TEXT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
        sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
        reason TEXT NOT NULL,
        PRIMARY KEY (generation_id, sample_id)
      );
    `,
  },
  {
    what: "people's rulings on the judge's verdicts",
    sql: `
      ALTER TABLE attempts ADD COLUMN ruling TEXT;     -- a person's verdict; null: nobody has said
      ALTER TABLE attempts ADD COLUMN ruled_by TEXT;
      ALTER TABLE attempts ADD COLUMN ruled_at INTEGER;
      ALTER TABLE attempts ADD COLUMN provenance TEXT; -- JSON, contract Provenance; null on answers of older versions
      CREATE INDEX attempts_created ON attempts (created_at);
    `,
  },
  {
    what: 'answers that an endpoint judged; its jobs that go on after a restart',
    sql: `
      ALTER TABLE attempts ADD COLUMN judge TEXT;        -- who gave the verdict: model and host; null: the rules of this program
      ALTER TABLE attempts ADD COLUMN local TEXT;        -- JSON {verdict, reason} of the rules, where an endpoint judged after them
      ALTER TABLE attempts ADD COLUMN judge_failed TEXT; -- why the endpoint gave no verdict when it was asked last
      CREATE TABLE endpoint_jobs (
        id TEXT PRIMARY KEY,                   -- of the job
        kind TEXT NOT NULL,
        request TEXT NOT NULL,                 -- JSON
        state TEXT NOT NULL,                   -- of the job; what is not ended stands paused when the project is opened
        created_at INTEGER NOT NULL
      );
    `,
  },
  {
    what: 'queues by family of errors and kind of phrase',
    sql: `
      ALTER TABLE pairs ADD COLUMN family TEXT;                   -- contract ErrorPattern; null: not a generated answer
      ALTER TABLE pairs ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]'; -- JSON: the kinds of its phrases, each once, sorted
      -- One pass: the contentless search index is left alone, its trigger looks at the texts only.
      UPDATE pairs SET
        family = CASE
          WHEN json_extract(provenance, '$.kind') <> 'generated' THEN NULL
          WHEN json_array_length(provenance, '$.recipe') IS NULL OR json_array_length(provenance, '$.recipe') = 0 THEN NULL
          WHEN EXISTS (SELECT 1 FROM json_each(provenance, '$.recipe')
            WHERE json_extract(value, '$.op') IN ('blank', 'freeze')) THEN 'language-prior'
          ELSE 'spatio-temporal' END,
        kinds = coalesce((SELECT json_group_array(kind) FROM (
          SELECT DISTINCT json_extract(value, '$.kind') AS kind FROM json_each(phrases)
            WHERE json_extract(value, '$.kind') IS NOT NULL ORDER BY kind)), '[]')
        WHERE source LIKE 'recipe:%' OR phrases LIKE '%"kind":%';
      DROP INDEX pairs_queue;
      DROP INDEX pairs_narrow;
      CREATE INDEX pairs_queue ON pairs (status, seq, type, video_id, source, lints, holder, family, kinds);
      CREATE INDEX pairs_narrow ON pairs (seq, status, type, video_id, source, lints, holder, family, kinds);
    `,
  },
  {
    what: 'rows enter the search index many at a time',
    sql: `
      -- An index entry for each row as it comes costs an import eight tenths of its time: rows wait until they are many characters,
      -- or until somebody searches (library/search.ts).
      CREATE TABLE search_marks (
        of TEXT PRIMARY KEY,                   -- 'samples', 'pairs'
        upto INTEGER NOT NULL,                 -- rows up to this seq are in the index
        waiting INTEGER NOT NULL               -- characters of the rows behind it
      ) WITHOUT ROWID;
      INSERT INTO search_marks (of, upto, waiting) VALUES
        ('samples', (SELECT coalesce(max(seq), 0) FROM samples), 0),
        ('pairs', (SELECT coalesce(max(seq), 0) FROM pairs), 0);
      INSERT INTO samples_fts (samples_fts, rank) VALUES ('automerge', 8);
      INSERT INTO pairs_fts (pairs_fts, rank) VALUES ('automerge', 8);
      DROP TRIGGER samples_fts_insert;
      DROP TRIGGER samples_fts_delete;
      DROP TRIGGER samples_fts_update;
      DROP TRIGGER pairs_fts_insert;
      DROP TRIGGER pairs_fts_delete;
      DROP TRIGGER pairs_fts_update;

      CREATE TRIGGER samples_fts_insert AFTER INSERT ON samples BEGIN
        UPDATE search_marks SET waiting = waiting + length(new.question) + length(new.chosen) + 1 WHERE of = 'samples';
      END;
      CREATE TRIGGER samples_fts_fill AFTER UPDATE OF waiting ON search_marks WHEN new.of = 'samples' AND new.waiting > 100000 BEGIN
        INSERT INTO samples_fts (rowid, question, chosen) SELECT seq, question, chosen FROM samples WHERE seq > new.upto;
        UPDATE search_marks SET upto = (SELECT coalesce(max(seq), 0) FROM samples), waiting = 0 WHERE of = 'samples';
      END;
      -- The seq of a last row that was deleted is given again: the mark must not be beyond it.
      CREATE TRIGGER samples_fts_delete AFTER DELETE ON samples
        WHEN old.seq <= (SELECT upto FROM search_marks WHERE of = 'samples') BEGIN
        INSERT INTO samples_fts (samples_fts, rowid, question, chosen) VALUES ('delete', old.seq, old.question, old.chosen);
        UPDATE search_marks SET upto = min(upto, (SELECT coalesce(max(seq), 0) FROM samples)) WHERE of = 'samples';
      END;
      CREATE TRIGGER samples_fts_update AFTER UPDATE OF question, chosen ON samples
        WHEN old.seq <= (SELECT upto FROM search_marks WHERE of = 'samples') BEGIN
        INSERT INTO samples_fts (samples_fts, rowid, question, chosen) VALUES ('delete', old.seq, old.question, old.chosen);
        INSERT INTO samples_fts (rowid, question, chosen) VALUES (new.seq, new.question, new.chosen);
      END;

      CREATE TRIGGER pairs_fts_insert AFTER INSERT ON pairs BEGIN
        UPDATE search_marks SET waiting = waiting + length(new.chosen) + length(new.rejected) + 1 WHERE of = 'pairs';
      END;
      CREATE TRIGGER pairs_fts_fill AFTER UPDATE OF waiting ON search_marks WHEN new.of = 'pairs' AND new.waiting > 100000 BEGIN
        INSERT INTO pairs_fts (rowid, question, chosen, rejected)
          SELECT p.seq, s.question, p.chosen, p.rejected FROM pairs p JOIN samples s ON s.id = p.sample_id WHERE p.seq > new.upto;
        UPDATE search_marks SET upto = (SELECT coalesce(max(seq), 0) FROM pairs), waiting = 0 WHERE of = 'pairs';
      END;
      CREATE TRIGGER pairs_fts_delete AFTER DELETE ON pairs
        WHEN old.seq <= (SELECT upto FROM search_marks WHERE of = 'pairs') BEGIN
        DELETE FROM pairs_fts WHERE rowid = old.seq;
        UPDATE search_marks SET upto = min(upto, (SELECT coalesce(max(seq), 0) FROM pairs)) WHERE of = 'pairs';
      END;
      CREATE TRIGGER pairs_fts_update AFTER UPDATE OF chosen, rejected ON pairs
        WHEN old.seq <= (SELECT upto FROM search_marks WHERE of = 'pairs') BEGIN
        DELETE FROM pairs_fts WHERE rowid = old.seq;
        INSERT INTO pairs_fts (rowid, question, chosen, rejected)
          SELECT new.seq, question, new.chosen, new.rejected FROM samples WHERE id = new.sample_id;
      END;
    `,
  },
  {
    what: 'answers by recipe and family of errors, for the yield',
    sql: `
      ALTER TABLE attempts ADD COLUMN recipe TEXT NOT NULL DEFAULT ''; -- negatives/recipes.ts recipeKey; '': not kept by older versions
      ALTER TABLE attempts ADD COLUMN family TEXT;                     -- contract ErrorPattern; null: the clean clip
      UPDATE attempts SET
        recipe = coalesce(json_extract(provenance, '$.recipe'), ''),
        family = CASE
          WHEN coalesce(json_array_length(provenance, '$.recipe'), 0) = 0 THEN NULL
          WHEN EXISTS (SELECT 1 FROM json_each(provenance, '$.recipe')
            WHERE json_extract(value, '$.op') IN ('blank', 'freeze')) THEN 'language-prior'
          ELSE 'spatio-temporal' END
        WHERE provenance IS NOT NULL;
      CREATE INDEX attempts_yield ON attempts (recipe, family, verdict, ruling, pair_id);
      CREATE INDEX pairs_outcome ON pairs (id, status);
    `,
  },
  {
    what: 'which frames an evaluated answer was given',
    sql: `
      ALTER TABLE evaluation_answers ADD COLUMN frames TEXT; -- JSON, indices into the PTS table; null on answers of older versions
    `,
  },
  {
    what: 'words of one and two characters are found through the index',
    sql: `
      -- Two spaces behind each text, so that its last characters begin a term of three as well.
      DROP TABLE pairs_fts;
      CREATE VIRTUAL TABLE pairs_fts USING fts5 (
        question, chosen, rejected, content = '', contentless_delete = 1, tokenize = 'trigram remove_diacritics 1'
      );
      INSERT INTO pairs_fts (pairs_fts, rank) VALUES ('automerge', 8);
      CREATE VIRTUAL TABLE pairs_terms USING fts5vocab ('pairs_fts', 'instance'); -- where the terms stand
      CREATE VIRTUAL TABLE pairs_counts USING fts5vocab ('pairs_fts', 'row');     -- how often they do
      DROP TRIGGER pairs_fts_fill;
      DROP TRIGGER pairs_fts_update;
      CREATE TRIGGER pairs_fts_fill AFTER UPDATE OF waiting ON search_marks WHEN new.of = 'pairs' AND new.waiting > 100000 BEGIN
        INSERT INTO pairs_fts (rowid, question, chosen, rejected)
          SELECT p.seq, s.question || '  ', p.chosen || '  ', p.rejected || '  '
          FROM pairs p JOIN samples s ON s.id = p.sample_id WHERE p.seq > new.upto;
        UPDATE search_marks SET upto = (SELECT coalesce(max(seq), 0) FROM pairs), waiting = 0 WHERE of = 'pairs';
      END;
      CREATE TRIGGER pairs_fts_update AFTER UPDATE OF chosen, rejected ON pairs
        WHEN old.seq <= (SELECT upto FROM search_marks WHERE of = 'pairs') BEGIN
        DELETE FROM pairs_fts WHERE rowid = old.seq;
        INSERT INTO pairs_fts (rowid, question, chosen, rejected)
          SELECT new.seq, question || '  ', new.chosen || '  ', new.rejected || '  ' FROM samples WHERE id = new.sample_id;
      END;
      UPDATE search_marks SET upto = 0 WHERE of = 'pairs';
      UPDATE search_marks SET waiting = 1e9 WHERE of = 'pairs';
    `,
  },
  {
    what: "the project's own recipes, with every version that was saved",
    sql: `
      CREATE TABLE recipes (
        id TEXT NOT NULL,
        version INTEGER NOT NULL,              -- from 1; the newest is the one in use
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        family TEXT NOT NULL,                  -- contract ErrorPattern
        steps TEXT NOT NULL,                   -- JSON, contract Recipe
        created_at INTEGER NOT NULL,
        deleted_at INTEGER,                    -- of all its versions; they stay for what was made with them
        PRIMARY KEY (id, version)
      );
    `,
  },
  {
    what: 'which model and adapter a generation began with',
    sql: `
      ALTER TABLE generations ADD COLUMN source TEXT; -- JSON {modelHash, adapterHash}; null until it has run
    `,
  },
  {
    what: 'looks that other frame rates share',
    sql: `DELETE FROM video_looks;                 -- made again when the project is opened: three pictures where there was one`,
  },
  {
    what: 'concepts of samples, and which answers made their pair',
    sql: `
      CREATE TABLE sample_concepts (
        seq INTEGER PRIMARY KEY REFERENCES samples (seq) ON DELETE CASCADE,
        concepts TEXT NOT NULL                 -- JSON, negatives/concept-statistics.ts SampleConcept[]
      );
      CREATE TRIGGER sample_concepts_stale AFTER UPDATE OF question, chosen, type ON samples BEGIN
        DELETE FROM sample_concepts WHERE seq = new.seq;
      END;
      ALTER TABLE attempts ADD COLUMN made INTEGER NOT NULL DEFAULT 0; -- 1: its pair is of this answer, and was not there before
      UPDATE attempts SET made = 1
        WHERE rowid IN (SELECT min(rowid) FROM attempts WHERE pair_id IS NOT NULL GROUP BY pair_id)
          AND pair_id IN (SELECT id FROM pairs WHERE source LIKE 'recipe:%');
      DROP INDEX attempts_yield;
      CREATE INDEX attempts_yield ON attempts (recipe, family, verdict, ruling, made, pair_id);
    `,
  },
  {
    what: 'undo and redo of a pair with thousands of edits',
    sql: 'CREATE INDEX journal_undo ON journal (pair_id, undo);',
  },
  {
    what: 'saved recipes that suggest a concept in the question',
    sql: 'ALTER TABLE recipes ADD COLUMN prompt TEXT; -- contract SuggestionPrompt; null: the question as it is',
  },
];

/** The version that this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings `db` to version `target`, the newest unless a test wants an old project; returns what was done, for the log.
 * @throws UserError NEWER_VERSION, leaving the file as it is, when a newer program wrote it.
 */
export function migrate(db: Database, target = SCHEMA_VERSION): string[] {
  const found = db.userVersion;
  if (found > SCHEMA_VERSION) throw newerVersion(db.file, found, SCHEMA_VERSION);
  const done: string[] = [];
  for (let version = found; version < target; version++) {
    const step = MIGRATIONS[version];
    db.transaction(() => {
      db.exec(step.sql);
      db.userVersion = version + 1;
    });
    done.push(`schema ${version} -> ${version + 1}: ${step.what}`);
  }
  return done;
}

/** The refusal of a project that a newer workbench wrote. */
export function newerVersion(file: string, found: number, known: number): UserError {
  return new UserError(
    'NEWER_VERSION',
    `project: expected format version ${known} or older, got version ${found} in ${file}`,
    'Update the workbench and open the project again; nothing in it was changed.',
  );
}
