/** One tab at a time works on an assignment, so that two lines of edits never interleave. */

/** Where the browser has no Web Locks (plain http to another machine) the server's 409 is the only guard. */
function locks(): LockManager | null {
  return (navigator.locks as LockManager | undefined) ?? null;
}

export class TabLock {
  private release: (() => void) | null = null;

  private constructor(private readonly name: string) {}

  /**
   * The lock on `name`, or null where another tab holds it. With `steal` it is taken from that tab, whose `onLost` runs.
   */
  static async take(name: string, steal: boolean, onLost: () => void): Promise<TabLock | null> {
    const manager = locks();
    const lock = new TabLock(name);
    if (!manager) return lock;
    return new Promise((resolve) => {
      const options: LockOptions = steal ? { steal: true } : { ifAvailable: true };
      let granted = false;
      manager
        .request(lock.name, options, (held) => {
          if (!held) return resolve(null);
          granted = true;
          resolve(lock);
          return new Promise<void>((done) => (lock.release = done));
        })
        .catch(() => (granted ? onLost() : resolve(null)));
    });
  }

  give(): void {
    this.release?.();
    this.release = null;
  }
}
