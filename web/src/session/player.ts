// Plays a recording on a screen: at any speed, from any moment. To go back it begins at the nearest picture of the screen
// that was kept on the way; of those there is a bounded number, each after as much output as the next.
import type { CastEvent, Recording } from "./asciicast";

export interface PlayerScreen {
  reset(columns: number, rows: number): void;
  write(text: string): void;
  resize(columns: number, rows: number): void;
  // What was written so far, as text that makes the same screen after a reset; null: not now.
  picture(): Promise<{ columns: number; rows: number; text: string } | null>;
}

interface Picture {
  next: number; // the first event that it does not hold
  columns: number;
  rows: number;
  text: string;
}

const maxPictures = 24;
const firstEvery = 256 << 10; // characters of output between two pictures
const longestGap = 2; // seconds: nobody wants to watch a pause

export class Player {
  private next = 0; // the first event that is not on the screen
  private pictures: Picture[] = [];
  private every = firstEvery;
  private since = 0; // characters written since the last picture
  private readonly plays: number[]; // each event's time, with long pauses cut short
  private generation = 0;

  constructor(
    private readonly recording: Recording,
    private readonly screen: PlayerScreen,
    readonly skipPauses = false,
  ) {
    let cut = 0;
    let before = 0;
    this.plays = recording.events.map(({ at }) => {
      if (skipPauses) cut += Math.max(0, at - before - longestGap);
      before = at;
      return at - cut;
    });
    screen.reset(recording.columns, recording.rows);
  }

  get duration(): number {
    return this.plays.at(-1) ?? 0;
  }

  get keptPictures(): number {
    return this.pictures.length;
  }

  // Shows what the screen showed at `seconds`: forward from where it is, or from a picture.
  async seek(seconds: number) {
    this.generation += 1;
    const { generation } = this;
    const target = this.indexAt(seconds);
    const picture = this.pictures.findLast(({ next }) => next <= target);
    if (target < this.next || (picture && picture.next > this.next)) {
      this.next = picture?.next ?? 0;
      this.since = 0;
      if (picture) {
        this.screen.reset(picture.columns, picture.rows);
        this.screen.write(picture.text);
      } else {
        this.screen.reset(this.recording.columns, this.recording.rows);
      }
    }
    while (this.next < target) {
      const event = this.recording.events[this.next];
      if (!event) break;
      this.show(event);
      this.next += 1;
      if (this.since < this.every) continue;
      await this.keep();
      if (generation !== this.generation) return; // another moment is wanted by now
    }
  }

  private show(event: CastEvent) {
    if (event.kind === "resize") {
      this.screen.resize(event.columns, event.rows);
      return;
    }
    this.screen.write(event.text);
    this.since += event.text.length;
  }

  private async keep() {
    const { next } = this;
    this.since = 0;
    if (this.pictures.some((picture) => picture.next === next)) return;
    const picture = await this.screen.picture();
    if (!picture || this.next !== next) return;
    this.pictures.push({ next, ...picture });
    this.pictures.sort((a, b) => a.next - b.next);
    if (this.pictures.length <= maxPictures) return;
    this.pictures = this.pictures.filter((_, index) => index % 2 === 1);
    this.every *= 2;
  }

  // How many events are not later than `seconds`.
  private indexAt(seconds: number): number {
    let low = 0;
    let high = this.plays.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.plays[middle] ?? 0) <= seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
