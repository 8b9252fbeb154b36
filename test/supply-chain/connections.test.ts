import { expect, test } from 'vitest';
import { connectionsOutside } from '../../scripts/package/connections.ts';

const trace = `
101 connect(20, {sa_family=AF_INET, sin_port=htons(4873), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS
101 connect(21, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (No such file or directory)
102 connect(22, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")}, 16 <unfinished ...>
103 connect(23, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2001:db8::7", &sin6_addr)}, 28) = 0
104 connect(24, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}, 16) = 0
105 connect(25, {sa_family=AF_INET, sin_port=htons(4874), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
105 +++ exited with 0 +++
`;

test('every connection beside the registry is named: other hosts, name servers and other ports of this machine', () => {
  expect(connectionsOutside(trace, '127.0.0.1:4873')).toEqual([
    '192.0.2.7:443',
    '2001:db8::7:443',
    '192.0.2.53:53',
    '127.0.0.1:4874',
  ]);
});
