import type { Cluster } from 'kafkajs';

/** What kafkajs 2.2.4's broker can do beyond its types. */
export interface OpenBroker {
  fetch(request: FetchRequest): Promise<FetchAnswer>;
  describeGroups(of: { groupIds: string[] }): Promise<{ groups: { members: GroupMember[] }[] }>;
  joinGroup(request: { groupId: string; memberId?: string }): Promise<unknown>;
  leaveGroup(of: { groupId: string; memberId: string }): Promise<unknown>;
  /** The second connection is the one that fetches. */
  connectionPool: { pool: { rejectRequests(error: Error): void }[] };
}
export interface FetchRequest {
  maxWaitTime: number;
  topics: unknown[];
}
export interface FetchAnswer {
  responses: unknown[];
}
export interface GroupMember {
  memberId: string;
  clientId: string;
}

/** Each broker of one consumer, once, before it is asked for anything but metadata. */
export function eachBroker(cluster: Cluster, teach: (broker: OpenBroker) => void): void {
  const taught = new WeakSet<object>();
  const findBroker = cluster.findBroker.bind(cluster);
  cluster.findBroker = async (node) => {
    const found = await findBroker(node);
    if (!taught.has(found)) {
      const broker = found as unknown as OpenBroker;
      const known = [broker.fetch, broker.describeGroups, broker.joinGroup, broker.leaveGroup];
      if (!known.every((each) => typeof each === 'function') || !broker.connectionPool.pool[1]?.rejectRequests)
        throw new Error('kafkajs has another broker: look how it fetches and joins');
      taught.add(found);
      teach(broker);
    }
    return found;
  };
}
