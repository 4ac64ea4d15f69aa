import { Counter, Gauge, Histogram, type Registry } from '#libs/platform';

/** No label names a lead, a key or a source. */
export class CollectorMetrics {
  readonly requests: Counter<'outcome'>;
  readonly accepted: Counter;
  readonly rejected: Counter<'reason'>;
  readonly junkIds: Counter<'field'>;
  readonly append: Histogram;
  readonly hits: Counter<'kind' | 'outcome'>;

  constructor(
    readonly registry: Registry,
    inFlightBytes: () => number,
    sourcesAge: () => number,
  ) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'leadfold_collector_requests_total',
      help: 'Tracking requests by answer',
      labelNames: ['outcome'],
      registers,
    });
    this.accepted = new Counter({
      name: 'leadfold_collector_events_accepted_total',
      help: 'Events acknowledged by the log',
      registers,
    });
    this.rejected = new Counter({
      name: 'leadfold_collector_events_rejected_total',
      help: 'Events refused by reason',
      labelNames: ['reason'],
      registers,
    });
    this.junkIds = new Counter({
      name: 'leadfold_collector_junk_ids_total',
      help: 'Placeholders (null, undefined, anonymous …) left out where an id was expected',
      labelNames: ['field'],
      registers,
    });
    this.hits = new Counter({
      name: 'leadfold_collector_hits_total',
      help: 'Opens and clicks',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    this.append = new Histogram({
      name: 'leadfold_collector_append_seconds',
      help: 'From append to acknowledgement',
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 6],
      registers,
    });
    new Gauge({
      name: 'leadfold_collector_in_flight_bytes',
      help: 'Bytes of requests under way',
      registers,
      collect() {
        this.set(inFlightBytes());
      },
    });
    new Gauge({
      name: 'leadfold_collector_sources_age_seconds',
      help: 'Since the sources were last read',
      registers,
      collect() {
        this.set(sourcesAge());
      },
    });
  }
}
