import { describe, expect, it } from "vitest";
import { closedStores, isClosed, silenceOf, tell } from "../../src/session/store-reach";

const part = (host: string) => `https://${host}/cells/uploads/x?partNumber=1`;

describe("buckets that take no parts from this page", () => {
  it("are left alone after one failure, unless they have taken a part before", () => {
    tell(part("far.lab.org"), false);
    tell(part("far.lab.org"), false);
    expect(closedStores.value).toEqual(["https://far.lab.org"]);
    expect(isClosed(part("far.lab.org"))).toBe(true);
    tell(part("near.lab.org"), true);
    tell(part("near.lab.org"), false);
    expect(isClosed(part("near.lab.org"))).toBe(false);
    expect(silenceOf(part("near.lab.org"))).toBeGreaterThan(silenceOf(part("new.lab.org")));
  });

  it("are never the hub itself", () => {
    tell("/api/v1/uploads/parts/?part=1", false);
    expect(isClosed("/api/v1/uploads/parts/?part=1")).toBe(false);
  });
});
