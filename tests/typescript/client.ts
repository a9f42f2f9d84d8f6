// A small client of Wrong Opinions, to read and to begin with: sign in, see the week, pick, rate, statistics.
//
// Its types come from the site's OpenAPI document, with openapi-typescript and its default options:
//
//     curl -s http://127.0.0.1:8000/api/schema -o openapi.json
//     npx openapi-typescript openapi.json --output schema.ts
//
// openapi-fetch is a thin layer over fetch() that knows these types: paths, parameters, bodies and answers.

import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
type Problem = Schemas["Problem"];
type Tokens = Schemas["TokenPair"];

/** What to show for a problem: `detail` is one readable sentence, whatever went wrong. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** A site on which someone is signed in. */
export class WrongOpinions {
  readonly api;
  private tokens: Tokens | undefined;

  constructor(site: string) {
    this.api = createClient<paths>({ baseUrl: site });
    this.api.use(this.authentication());
  }

  /** Sends the access token with each request. */
  private authentication(): Middleware {
    return {
      onRequest: ({ request }) => {
        if (this.tokens) request.headers.set("Authorization", `Bearer ${this.tokens.access_token}`);
        return request;
      },
    };
  }

  async signIn(username: string, password: string): Promise<void> {
    const { data, error, response } = await this.api.POST("/api/auth/login", { body: { username, password } });
    if (data) {
      this.tokens = data;
      return;
    }
    // Each operation lists the codes with which it may answer: any other would not compile here.
    if (error.code === "too_many_attempts") {
      console.warn(`${response.headers.get("RateLimit-Policy")}: again in ${response.headers.get("Retry-After")} s`);
    }
    throw new Refused(error);
  }

  /** Exchanges the refresh token for new tokens, as access tokens expire after half an hour. */
  async renew(): Promise<void> {
    if (!this.tokens) throw new Error("Sign in first.");
    const body = { refresh_token: this.tokens.refresh_token };
    const { data, error } = await this.api.POST("/api/auth/refresh", { body });
    if (error) throw new Refused(error);
    this.tokens = data;
  }

  /** The caller's week of today with its picks; it is created if there is none. */
  async week(): Promise<Schemas["WeekFull"]> {
    const { data, error } = await this.api.GET("/api/weeks/current");
    if (data) return data;
    if (error.code !== "token_expired") throw new Refused(error); // a wrong token stays wrong
    await this.renew();
    return this.week();
  }

  /** Complete weeks of everyone with their picks, page after page. */
  async *weeks(): AsyncGenerator<Schemas["WeekFull"]> {
    for (let page = 1; ; page++) {
      const query = { page, complete: true, include: "picks", ordering: "newest" } as const;
      const { data, error } = await this.api.GET("/api/weeks", { params: { query } });
      if (error) throw new Refused(error);
      for (const week of data.results) if ("movies" in week) yield week;
      if (data.links.next === null) return;
    }
  }

  /** Picks a movie; undefined if the position or the movie is taken. */
  async pickMovie(week: Schemas["Week"], tmdb_id: number, position: 1 | 2): Promise<Schemas["MoviePicked"] | undefined> {
    const { data, error } = await this.api.POST("/api/weeks/{id}/movies", {
      params: { path: { id: week.id } },
      body: { tmdb_id, position },
    });
    if (data) return data;
    if (error.code === "position_occupied" || error.code === "already_picked") return undefined;
    throw new Refused(error);
  }

  /** Rates a pick in half stars. */
  async rate(week: Schemas["Week"], pick: Schemas["DiscussedMovie"], rating: number): Promise<Schemas["Opinion"]> {
    const { data, error } = await this.api.PUT("/api/weeks/{id}/movies/{position}/opinion", {
      params: { path: { id: week.id, position: pick.position } },
      body: { rating },
    });
    if (error) throw new Refused(error);
    return data;
  }

  async statistics(user = "me"): Promise<Schemas["Overview"]> {
    const { data, error } = await this.api.GET("/api/stats/overview", { params: { query: { user } } });
    if (error) throw new Refused(error);
    return data;
  }
}

/** An album in one line: all keys are always there, and what is unknown is null. */
export function line(album: Schemas["PickedAlbum"]): string {
  const characters = { year: 4, month: 7, day: 10 }[album.release_date_precision ?? "day"];
  return `${album.artist}: ${album.title} (${album.release_date?.slice(0, characters) ?? "unknown"})`;
}

/** One evening. */
export async function evening(site: string, username: string, password: string): Promise<void> {
  const wrong = new WrongOpinions(site);
  await wrong.signIn(username, password);
  await wrong.pickMovie(await wrong.week(), 120, 1);
  const week = await wrong.week();
  for (const pick of week.movies) {
    console.log(pick.movie.title, pick.movie.poster_url ?? "no poster", pick.rewatch ? "again" : "");
    if (pick.my_opinion === null) await wrong.rate(week, pick, 9);
  }
  for (const pick of week.albums) console.log(line(pick.album));
  const { totals, ratings } = await wrong.statistics();
  console.log(`${totals.hours_watched?.toFixed(1) ?? "?"} hours, ${ratings.mean?.toFixed(1) ?? "no"} half stars`);
}

// What is not in the document does not compile.
export function mistakes(api: WrongOpinions["api"], album: Schemas["PickedAlbum"], problem: Problem): void {
  // @ts-expect-error: there are two positions
  void api.DELETE("/api/weeks/{id}/movies/{position}", { params: { path: { id: 7, position: 3 } } });
  // @ts-expect-error: the kind of an opinion is a movie or an album
  void api.GET("/api/opinions", { params: { query: { kind: "book" } } });
  // @ts-expect-error: a date is known to the year, the month or the day
  void (album.release_date_precision === "decade");
  // @ts-expect-error: only invalid input has errors
  void problem.errors.length;
}
