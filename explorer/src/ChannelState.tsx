import { useSyncExternalStore } from 'react';

import type { Channel, Gateway } from './gateway';
import { language, say } from './words';

const CHANNEL_TEXT: Record<Channel['state'], string> = {
  idle: say('no subscription'),
  connecting: say('connecting…'),
  live: say('live'),
  closed: say('closed'),
};

/** Whether the subscription socket is open, or why it was closed. */
export function ChannelState({ gateway }: { gateway: Gateway }) {
  const channel = useSyncExternalStore(gateway.onChannel, gateway.channel);
  const text = channel.state === 'closed' ? say('closed: {reason}', { reason: channel.reason }) : CHANNEL_TEXT[channel.state];
  return (
    <div className="channel" role="status" lang={language} data-state={channel.state}>
      <span className="channel-dot" aria-hidden="true" />
      <span className="visually-hidden">{say('Subscription channel: ')}</span>
      {text}
    </div>
  );
}
