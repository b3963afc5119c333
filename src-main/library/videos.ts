/**
 * @file The videos of a project: by reference, each content once. What a probe found is stored here; decoding is done by the media
 * worker, which the services ask.
 */
import { existsSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Finding, Split, Video } from '../contract/schemas.ts';
import type { MediaProbe } from '../jobs/apis.ts';
import { PtsTable } from '../media/pts.ts';
import { UserError, type PlainError } from '../platform/errors.ts';
import { sha256File } from '../platform/files.ts';
import { newId } from '../project/ids.ts';
import type { OpenProject } from '../project/project.ts';
import { alikeFinding, alikeTo, settleSplit, storeLook, wasMoved } from './alike.ts';
import { joinVideos } from './join.ts';
import { drawSplit } from './split.ts';

type VideoRow = {
  id: string;
  name: string;
  path: string;
  state: Video['state'];
  sha256: string | null;
  bytes: number | null;
  container: string | null;
  codec: string | null;
  width: number | null;
  height: number | null;
  rotation: number | null;
  duration: number | null;
  frame_count: number | null;
  frame_rate: Video['frameRate'];
  has_audio: number | null;
  playback: Video['playback'];
  proxy: string | null;
  split: Split;
  split_stated: number;
  findings: string;
  alike: string | null;
  sample_count: number;
};

const SELECT = `SELECT v.*, (SELECT count(*) FROM samples s WHERE s.video_id = v.id) AS sample_count FROM videos v`;

/** The file is another one than was looked into before. */
const REPLACED: Finding = {
  code: 'content-changed',
  severity: 'warning',
  message:
    'Its content changed since it was added: what is said about its frames, and what was generated or trained from it, is about the earlier file.',
};

/** What became of one file: the video is new, was here already, or was missing and has its file again. */
export type Outcome = 'added' | 'duplicate' | 'found';

/** What {@link VideoLibrary.add} did. Ids of videos that wait for a probe are in `toProbe`. */
export type AddResult = { added: number; duplicates: number; found: number; toProbe: string[] };

export class VideoLibrary {
  readonly #project: OpenProject;
  /** How many videos were drawn into their split; null: to be counted. */
  #drawn: number | null = null;

  constructor(project: OpenProject) {
    this.#project = project;
  }

  get #db(): OpenProject['db'] {
    return this.#project.db;
  }

  /** All videos in the order of adding. */
  list(): Video[] {
    return this.#db
      .prepare<VideoRow>(`${SELECT} ORDER BY v.rowid`)
      .all()
      .map((row) => this.#toVideo(row));
  }

  /** @throws UserError NOT_FOUND */
  get(id: string): Video {
    return this.#toVideo(this.#row(id));
  }

  /** Ids of videos whose file was never looked into, oldest first. */
  unprobed(): string[] {
    return this.#db
      .prepare<{ id: string }>(`SELECT id FROM videos WHERE state IN ('queued', 'probing') ORDER BY rowid`)
      .all()
      .map((row) => row.id);
  }

  /** Ids of videos that were probed before looks were kept, and whose file is there. */
  withoutLook(): string[] {
    return this.#db
      .prepare<{ id: string }>(
        `SELECT v.id FROM videos v LEFT JOIN video_looks l ON l.video_id = v.id WHERE v.state = 'ready' AND l.video_id IS NULL`,
      )
      .all()
      .map((row) => row.id);
  }

  /** Stores what a video looks like; see {@link storeLook}. */
  setLook(id: string, look: Uint8Array): void {
    this.#db.transaction(() => storeLook(this.#db, id, look, this.#row(id).duration ?? 0));
  }

  /** Ids of videos that still need a proxy. */
  withoutProxy(): string[] {
    return this.#db
      .prepare<{ id: string }>(`SELECT id FROM videos WHERE playback = 'proxy-pending' AND state = 'ready'`)
      .all()
      .map((row) => row.id);
  }

  /**
   * Takes a video off the list; its file is left where it is, and can be added again.
   * @throws UserError CONFLICT while samples are about it, or it is being read
   */
  remove(id: string): void {
    const { name, state, playback, sampleCount } = this.get(id);
    if (sampleCount > 0)
      throw new UserError(
        'CONFLICT',
        `${name}: expected a clip without questions, got one with ${sampleCount}`,
        'Questions and their pairs are never removed with a clip.',
      );
    if (state === 'queued' || state === 'probing' || playback === 'proxy-pending')
      throw new UserError(
        'CONFLICT',
        `${name}: expected a clip that nobody is reading, got one that is being read`,
        'Remove it once it has been read.',
      );
    this.#db.prepare('DELETE FROM videos WHERE id = ?').run(id);
  }

  /**
   * Adds files by reference. A file whose path or content is here already is not added again; a missing video's file is found
   * again by its content, or by its name when its content was never seen.
   */
  async add(files: readonly string[], signal?: AbortSignal): Promise<AddResult> {
    const result: AddResult = { added: 0, duplicates: 0, found: 0, toProbe: [] };
    for (const file of files) {
      signal?.throwIfAborted();
      const { size } = await stat(file);
      const known = this.#byPath(file);
      if (known) {
        result.duplicates++;
        // Back in its place, or another content under the same name: it is looked into again.
        const changed = known.bytes !== null && known.bytes !== size;
        if (known.state === 'missing' || changed) result.toProbe.push(this.#queue(known.id));
        continue;
      }
      const twin = await this.#sameContent(file, size);
      if (twin?.row && !existsSync(this.#project.resolvePath(twin.row.path))) {
        this.#relink(twin.row, file, twin.row.container === null ? 'queued' : 'ready');
        if (twin.row.container === null) result.toProbe.push(twin.row.id);
        result.found++;
      } else if (twin?.row) result.duplicates++;
      else {
        const lost = this.#unseenByName(path.basename(file));
        if (lost) {
          this.#relink(lost, file, 'queued');
          result.found++;
          result.toProbe.push(lost.id);
        } else {
          result.toProbe.push(this.#insert(file, 'queued', size, twin?.sha256 ?? null));
          result.added++;
        }
      }
    }
    return result;
  }

  /**
   * Takes in a copy that was made inside the project. Whose content is here already needs no second file: the answer is 'duplicate' and the
   * copy is the caller's to remove, unless `instead` asks that the project use its own copy from now on.
   */
  async takeCopy(
    file: string,
    bytes: number,
    instead: boolean,
  ): Promise<{ outcome: Outcome; videoId: string; probe: boolean }> {
    const twin = await this.#sameContent(file, bytes);
    if (!twin?.row)
      return {
        outcome: 'added',
        videoId: this.#insert(file, 'queued', bytes, twin?.sha256 ?? null),
        probe: true,
      };
    const { row } = twin;
    const theirs = this.#project.resolvePath(row.path);
    const missing = !existsSync(theirs);
    const inside = !path.relative(this.#project.path, theirs).startsWith('..');
    if (!missing && (inside || !instead)) return { outcome: 'duplicate', videoId: row.id, probe: false };
    const probe = row.container === null;
    this.#relink(row, file, probe ? 'queued' : 'ready');
    return { outcome: missing ? 'found' : 'added', videoId: row.id, probe };
  }

  /**
   * Gives a video the file that a person says it is. Its content must be that of the video, unless `replace` says that another file
   * takes its place: then it is looked into anew, and its samples and pairs stay.
   * @returns whether it is to be probed
   * @throws UserError NOT_FOUND, CONFLICT (another content; or the file is another video of the project)
   */
  async locate(id: string, file: string, replace = false): Promise<boolean> {
    const row = this.#row(id);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined)
      throw new UserError(
        'NOT_FOUND',
        `${file}: expected the file of ${row.name}, got none`,
        'Choose a file that is there.',
      );
    const known = this.#byPath(file);
    if (known && known.id !== id)
      throw new UserError(
        'CONFLICT',
        `${file}: expected the file of ${row.name}, got that of another clip of this project, ${known.name}`,
        'Choose another file.',
      );
    const same = row.sha256 !== null && row.bytes === size && (await sha256File(file)) === row.sha256;
    if (row.sha256 !== null && !same && !replace)
      throw new UserError(
        'CONFLICT',
        `${file}: expected the content of ${row.name} (SHA-256 ${row.sha256.slice(0, 12)}…), got another`,
        'Choose the file that was moved; or replace the clip by this file, if it is another version of it.',
      );
    this.#relink(row, file, same ? 'ready' : 'queued');
    return !same;
  }

  /** How many videos have no file. */
  missingCount(): number {
    return this.#db.prepare<{ n: number }>(`SELECT count(*) AS n FROM videos WHERE state = 'missing'`).get()!
      .n;
  }

  /**
   * Looks among `files` for those of missing videos: by content, or by name where the content was never seen. Nothing else is added.
   * @returns ids of the videos that were found, and of these the ones to be probed
   */
  async findMissing(
    files: readonly string[],
    { signal, onFile }: { signal?: AbortSignal; onFile?: (done: number, file: string) => void } = {},
  ): Promise<{ found: string[]; toProbe: string[] }> {
    const found: string[] = [];
    const toProbe: string[] = [];
    const lost = (): VideoRow[] =>
      this.#db.prepare<VideoRow>(`${SELECT} WHERE v.state = 'missing' ORDER BY v.rowid`).all();
    let missing = lost();
    for (const [done, file] of files.entries()) {
      if (missing.length === 0) break;
      signal?.throwIfAborted();
      onFile?.(done, file);
      const size = statSync(file, { throwIfNoEntry: false })?.size;
      if (size === undefined || this.#byPath(file)) continue;
      // Only a file of the right length is read.
      const alike = missing.filter((row) => row.sha256 !== null && row.bytes === size);
      const sha256 = alike.length > 0 ? await sha256File(file, signal) : null;
      const named = missing.filter((row) => row.sha256 === null && row.name === path.basename(file));
      const row =
        alike.find((candidate) => candidate.sha256 === sha256) ?? (named.length === 1 ? named[0] : undefined);
      if (!row) continue;
      this.#relink(row, file, row.sha256 === null ? 'queued' : 'ready');
      if (row.sha256 === null) toProbe.push(row.id);
      found.push(row.id);
      missing = lost();
    }
    return { found, toProbe };
  }

  /** Puts videos back in line to be looked into; those that are in line or being looked into stay. */
  requeue(ids: readonly string[]): void {
    for (const id of ids) if (this.#row(id).state !== 'probing') this.#queue(id);
  }

  /** The video at this path, added when it is new: `missing` when there is no such file. For rows of an import. */
  addReferenced(file: string, exists: boolean): string {
    const known = this.#db
      .prepare<{ id: string }>('SELECT id FROM videos WHERE path = ?')
      .get(this.#project.portablePath(file));
    return known?.id ?? this.#insert(file, exists ? 'queued' : 'missing', null, null);
  }

  /** To be called before a batch of {@link addReferenced}: within it, new videos are counted in memory. */
  recount(): void {
    this.#drawn = null;
  }

  /** How many videos have no file, among these and those added since `since`. */
  countMissing(ids: ReadonlySet<string>, since: number): number {
    const rows = this.#db
      .prepare<{ id: string; created_at: number }>(
        `SELECT id, created_at FROM videos WHERE state = 'missing'`,
      )
      .all();
    return rows.filter((row) => ids.has(row.id) || row.created_at >= since).length;
  }

  /** The one video that has this file name, or null when there is none or several. */
  onlyNamed(name: string): string | null {
    const rows = this.#db.prepare<{ id: string }>('SELECT id FROM videos WHERE name = ? LIMIT 2').all(name);
    return rows.length === 1 ? rows[0].id : null;
  }

  /** A probe has begun. */
  markProbing(id: string): void {
    this.#db.update('videos', id, { state: 'probing' });
  }

  /** The probe was stopped: it waits for the next one. */
  markWaiting(id: string): void {
    this.#queue(id);
  }

  /**
   * Stores what a probe found. When another video has the same content, this one is joined to it; returns the id under which
   * the content is known.
   */
  storeProbe(id: string, probe: MediaProbe): string {
    return this.#db.transaction(() => {
      const twin = this.#db
        .prepare<VideoRow>(`${SELECT} WHERE v.sha256 = ? AND v.id <> ?`)
        .get(probe.sha256, id);
      if (twin) {
        const mine = this.#row(id);
        const conflict = joinVideos(this.#db, mine, twin);
        const lost = !existsSync(this.#project.resolvePath(twin.path));
        // The older row keeps its place; when its file is gone, this one's file takes it.
        if (lost) this.#db.update('videos', twin.id, { path: mine.path, name: mine.name });
        if (conflict) probe = { ...probe, findings: [...probe.findings, conflict] };
      }
      const target = twin?.id ?? id;
      const before = this.#row(target).sha256;
      if (before !== null && before !== probe.sha256)
        probe = { ...probe, findings: [...probe.findings, REPLACED] };
      this.#db.update('videos', target, {
        state: 'ready',
        sha256: probe.sha256,
        bytes: probe.bytes,
        container: probe.container,
        codec: probe.codec,
        width: probe.width,
        height: probe.height,
        rotation: probe.rotation,
        duration: probe.duration,
        frame_count: probe.frameCount,
        frame_rate: probe.frameRate,
        has_audio: probe.audioCodec !== null,
        playback: probe.playable.value ? 'direct' : 'proxy-pending',
        findings: JSON.stringify([
          ...probe.findings,
          ...(probe.playable.value
            ? []
            : [
                {
                  code: 'needs-proxy',
                  severity: 'info',
                  message: `Shown through a proxy: ${probe.playable.reason}.`,
                },
              ]),
        ]),
      });
      this.#db
        .prepare('INSERT OR REPLACE INTO video_pts (video_id, pts) VALUES (?, ?)')
        .run(target, probe.pts);
      storeLook(this.#db, target, probe.look, probe.duration);
      return target;
    });
  }

  /** The file cannot be used; the reason becomes its finding. The project goes on without it. */
  storeBroken(id: string, error: PlainError): void {
    const finding: Finding = {
      code: error.code.toLowerCase(),
      severity: 'error',
      message: besideItsVideo(error, this.get(id).path),
    };
    this.#db.update('videos', id, {
      state: error.code === 'NOT_FOUND' ? 'missing' : 'broken',
      playback: 'none',
      findings: JSON.stringify([finding]),
    });
  }

  /** The browser plays `file` in place of the video. */
  setProxy(id: string, file: string): void {
    this.#db.update('videos', id, { playback: 'proxy', proxy: this.#project.portablePath(file) });
  }

  /** No proxy could be made. */
  setProxyFailed(id: string, message: string): void {
    const stored = JSON.parse(this.#row(id).findings) as Finding[];
    const findings = stored.filter((f) => f.code !== 'no-proxy');
    findings.push({
      code: 'no-proxy',
      severity: 'warning',
      message: `It cannot be shown in the window: ${message}`,
    });
    this.#db.update('videos', id, { playback: 'none', findings: JSON.stringify(findings) });
  }

  /** Absolute path of what the window plays: the file or its proxy; null while there is neither. */
  playFile(id: string): string | null {
    const row = this.#row(id);
    if (row.playback === 'direct') return this.#project.resolvePath(row.path);
    return row.playback === 'proxy' && row.proxy ? this.#project.resolvePath(row.proxy) : null;
  }

  /** When each frame is shown. @throws UserError UNAVAILABLE before the video was probed */
  pts(id: string): PtsTable {
    return PtsTable.fromBytes(this.ptsBytes(id));
  }

  /** {@link pts} in its stored form, for the workers. */
  ptsBytes(id: string): Uint8Array {
    const row = this.#db.prepare<{ pts: Uint8Array }>('SELECT pts FROM video_pts WHERE video_id = ?').get(id);
    if (row) return row.pts;
    const video = this.get(id);
    throw new UserError(
      'UNAVAILABLE',
      `video ${video.name}: expected its frame table, got none: it is ${video.state}`,
      video.state === 'missing'
        ? `Add the file again from where it is now; it was last seen at ${video.path}.`
        : 'Wait until it has been looked into, or see its findings in the Library.',
    );
  }

  /** Says that a video belongs to a split. Why it cannot, when it was said to belong to the other one; otherwise null. */
  stateSplit(id: string, split: Split): string | null {
    const row = this.#row(id);
    const findings = JSON.parse(row.findings) as Finding[];
    // Held out because of a near-duplicate: its finding tells, and its other rows are welcome.
    if (row.split_stated && row.split === 'heldout' && wasMoved(findings)) return null;
    if (row.split_stated && row.split !== split)
      return `split: expected "${row.split}" for video ${row.name}, as an earlier row says, got "${split}" — a split is by video, give all its rows the same one`;
    if (!row.split_stated) {
      this.#db.update('videos', id, { split, split_stated: true });
      if (this.#drawn !== null) this.#drawn--;
      if (row.alike) {
        settleSplit(this.#db, row.alike);
        this.recount();
      }
    }
    return null;
  }

  /**
   * Looks which files are there, all or that of one video: sets and clears `missing`, and notices a file that was replaced by one of another length.
   * Returns ids whose state or playback changed, and of these the ones that are to be probed.
   */
  refresh(videoId?: string): { changed: string[]; toProbe: string[] } {
    const changed: string[] = [];
    const toProbe: string[] = [];
    const rows =
      videoId === undefined
        ? this.#db.prepare<VideoRow>('SELECT *, 0 AS sample_count FROM videos').all()
        : [this.#row(videoId)];
    for (const row of rows) {
      const bytes = statSync(this.#project.resolvePath(row.path), { throwIfNoEntry: false })?.size;
      const there = bytes !== undefined;
      const same = bytes === row.bytes;
      if (!there && row.state !== 'missing') {
        this.#db.update('videos', row.id, { state: 'missing' });
        changed.push(row.id);
      } else if (row.state === 'missing' ? there : row.state === 'ready' && !same) {
        // Back in its place; or another file stands there now, which is to be looked into.
        const seen = row.container !== null && same;
        this.#db.update('videos', row.id, { state: seen ? 'ready' : 'queued' });
        changed.push(row.id);
        if (!seen) toProbe.push(row.id);
      }
      // The cache may be deleted at any time.
      if (row.playback === 'proxy' && (!row.proxy || !existsSync(this.#project.resolvePath(row.proxy)))) {
        this.#db.update('videos', row.id, { playback: 'proxy-pending', proxy: null });
        changed.push(row.id);
      }
    }
    return { changed: [...new Set(changed)], toProbe };
  }

  #row(id: string): VideoRow {
    const row = this.#db.prepare<VideoRow>(`${SELECT} WHERE v.id = ?`).get(id);
    if (!row)
      throw new UserError('NOT_FOUND', `video: expected one of this project, got the unknown id ${id}`, '');
    return row;
  }

  #byPath(file: string): VideoRow | undefined {
    return this.#db.prepare<VideoRow>(`${SELECT} WHERE v.path = ?`).get(this.#project.portablePath(file));
  }

  /** A video with the same bytes, if any; `sha256` is given when the file had to be read to know. */
  async #sameContent(file: string, size: number): Promise<{ row?: VideoRow; sha256: string } | null> {
    // Only files of equal length can be equal: others are not read here, the probe will.
    const candidates = this.#db.prepare<VideoRow>(`${SELECT} WHERE v.bytes = ?`).all(size);
    if (candidates.length === 0) return null;
    const sha256 = await sha256File(file);
    for (const row of candidates) {
      let theirs = row.sha256;
      const there = this.#project.resolvePath(row.path);
      if (theirs === null && existsSync(there)) theirs = await sha256File(there);
      if (theirs === sha256) return { row, sha256 };
    }
    return { sha256 };
  }

  #unseenByName(name: string): VideoRow | undefined {
    const rows = this.#db
      .prepare<VideoRow>(`${SELECT} WHERE v.name = ? AND v.state = 'missing' AND v.sha256 IS NULL`)
      .all(name);
    return rows.length === 1 ? rows[0] : undefined;
  }

  #relink(row: VideoRow, file: string, state: Video['state']): void {
    this.#db.update('videos', row.id, {
      path: this.#project.portablePath(file),
      name: path.basename(file),
      state,
    });
  }

  #queue(id: string): string {
    this.#db.update('videos', id, { state: 'queued' });
    return id;
  }

  #insert(file: string, state: Video['state'], bytes: number | null, sha256: string | null): string {
    const id = newId('v');
    this.#drawn ??= this.#db
      .prepare<{ n: number }>('SELECT count(*) AS n FROM videos WHERE split_stated = 0')
      .get()!.n;
    this.#db.insert('videos', {
      id,
      name: path.basename(file),
      path: this.#project.portablePath(file),
      state,
      sha256,
      bytes,
      split: drawSplit(this.#drawn++, this.#project.split),
      findings: JSON.stringify(
        state === 'missing'
          ? [
              {
                code: 'not_found',
                severity: 'error',
                message: `No file at ${file}. Add it from where it is.`,
              },
            ]
          : [],
      ),
      created_at: Date.now(),
    });
    return id;
  }

  #toVideo(row: VideoRow): Video {
    const alike = alikeTo(this.#db, row.id, row.alike);
    const findings = JSON.parse(row.findings) as Finding[];
    return {
      id: row.id,
      name: row.name,
      path: this.#project.resolvePath(row.path),
      state: row.state,
      sha256: row.sha256,
      bytes: row.bytes,
      container: row.container,
      codec: row.codec,
      width: row.width,
      height: row.height,
      rotation: row.rotation,
      duration: row.duration,
      frameCount: row.frame_count,
      frameRate: row.frame_rate,
      hasAudio: row.has_audio === null ? null : row.has_audio === 1,
      playback: row.playback,
      split: row.split,
      findings: alike.length > 0 ? [...findings, alikeFinding(alike)] : findings,
      alike,
      sampleCount: row.sample_count,
    };
  }
}

/** The words of an error that stands beside its video: without the path that it begins with, two sentences. */
function besideItsVideo({ message, hint }: PlainError, file: string): string {
  const rest = message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message;
  const said = rest.charAt(0).toUpperCase() + rest.slice(1);
  return hint ? `${said.replace(/[.!?]?$/, '.')} ${hint}` : said;
}
