import { useSyncExternalStore } from 'react';

import type { Channel, Gateway } from './gateway';

const CHANNEL_TEXT: Record<Channel['state'], string> = {
  idle: 'no subscription',
  connecting: 'connecting…',
  live: 'live',
  closed: 'closed',
};

/** Whether the subscription socket is open, or why it was closed. */
export function ChannelState({ gateway }: { gateway: Gateway }) {
  const channel = useSyncExternalStore(gateway.onChannel, gateway.channel);
  const text = channel.state === 'closed' ? `closed: ${channel.reason}` : CHANNEL_TEXT[channel.state];
  return (
    <div className="channel" role="status" data-state={channel.state}>
      <span className="channel-dot" aria-hidden="true" />
      <span className="visually-hidden">Subscription channel: </span>
      {text}
    </div>
  );
}
