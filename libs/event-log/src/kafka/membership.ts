import type { Logger } from '#libs/platform';
import { isDead } from './member-names.js';
import type { OpenBroker } from './open-broker.js';

const notYet = new Set<string | undefined>([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/**
 * A group waits for a member that was killed until its session is over, unless somebody says that it left: whoever joins from
 * the same host does. Under its own name a consumer that joins anew finds only itself, from before its connection broke.
 */
export class Membership {
  private othersKnown = false;

  constructor(
    private readonly groupId: string,
    private readonly clientId: string,
    private readonly log: Logger,
  ) {}

  teach(broker: OpenBroker): void {
    const joinGroup = broker.joinGroup.bind(broker);
    broker.joinGroup = async (request) => {
      if (!request.memberId) await this.signOffTheDead(broker);
      return joinGroup(request);
    };
  }

  private async signOffTheDead(coordinator: OpenBroker): Promise<void> {
    const { clientId, groupId } = this;
    try {
      const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
      const members = groups.flatMap((group) => group.members);
      // others only once: two that take each other for dead would else never come to rest
      const dead = members.filter((each) => each.clientId === clientId || (!this.othersKnown && isDead(each.clientId)));
      for (const { memberId } of dead) {
        await coordinator.leaveGroup({ groupId, memberId }).catch((error: Error & { type?: string }) => {
          if (error.type !== 'UNKNOWN_MEMBER_ID') throw error;
        });
      }
      this.othersKnown = true;
      if (dead.length)
        this.log.info({ groupId, members: dead.map((each) => each.clientId) }, 'dead members signed off');
    } catch (error) {
      // joining now would be answered the same, or a moment later wait for the dead
      if (notYet.has((error as { type?: string }).type)) throw error;
      this.log.debug({ groupId, cause: (error as Error).message }, 'dead members are left to their sessions');
    }
  }
}
