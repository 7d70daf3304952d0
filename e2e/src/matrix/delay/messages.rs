//! The netlink messages of a packet queue (`linux/netfilter/nfnetlink_queue.h`).
//!
//! Numbers of netlink itself are in the machine's byte order, those of netfilter in the
//! network's.

/// `NFNL_SUBSYS_QUEUE`, the upper half of a message's type.
const QUEUE: u16 = 3 << 8;
const PACKET: u16 = QUEUE;
const CONFIG: u16 = QUEUE | 2;
const VERDICT_BATCH: u16 = QUEUE | 3;
/// `NLM_F_REQUEST`, and with it `NLM_F_ACK`.
const REQUEST: u16 = 1;
const REQUEST_ACK: u16 = 5;
const NLMSG_ERROR: u16 = 2;
/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEADER: usize = 16;
const GENERAL: usize = 4;
/// Attributes: of a packet, of a verdict, of a configuration.
const PACKET_HEADER: u16 = 1;
const VERDICT_HEADER: u16 = 2;
const COMMAND: u16 = 1;
const PARAMETERS: u16 = 2;
const MAX_LENGTH: u16 = 3;
const BIND: u8 = 1;
/// `NFQNL_COPY_META`: the packet itself stays in the kernel.
const COPY_META: u8 = 1;
const NF_ACCEPT: u32 = 1;

/// What came from the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// A packet waits for its verdict.
    Packet {
        /// Numbers count up within a queue.
        id: u32,
    },
    /// The answer to a request: 0, or a negative error number.
    Answer(i32),
}

/// Asks for a queue of at most so many packets.
pub fn open(queue: u16, packets: u32) -> [Vec<u8>; 3] {
    let [high, low] = [0, 0];
    let command = [BIND, 0, high, low];
    // All of the (empty) copy of a packet.
    let parameters = [0, 0, 0, 0, COPY_META];
    [
        message(CONFIG, REQUEST_ACK, queue, COMMAND, &command),
        message(CONFIG, REQUEST_ACK, queue, PARAMETERS, &parameters),
        message(
            CONFIG,
            REQUEST_ACK,
            queue,
            MAX_LENGTH,
            &packets.to_be_bytes(),
        ),
    ]
}

/// Lets a packet go on, and all that came before it.
pub fn accept_up_to(queue: u16, id: u32) -> Vec<u8> {
    let mut verdict = NF_ACCEPT.to_be_bytes().to_vec();
    verdict.extend(id.to_be_bytes());
    message(VERDICT_BATCH, REQUEST, queue, VERDICT_HEADER, &verdict)
}

fn message(kind: u16, flags: u16, queue: u16, attribute: u16, value: &[u8]) -> Vec<u8> {
    // The kernel's limit of an attribute is 2^16; ours have a few bytes.
    let attribute_length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut body = vec![0, 0];
    body.extend(queue.to_be_bytes());
    body.extend(attribute_length.to_ne_bytes());
    body.extend(attribute.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// The messages of one datagram from the kernel; kinds that we do not know are passed over.
pub fn parse(mut datagram: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some((length, kind)) = length_and_kind(datagram) {
        let Some(body) = datagram.get(HEADER..length) else {
            break;
        };
        match kind {
            PACKET => messages.extend(packet_id(body).map(|id| Message::Packet { id })),
            NLMSG_ERROR => {
                let error = first(body).map(i32::from_ne_bytes);
                messages.extend(error.map(Message::Answer));
            }
            _ => {}
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    messages
}

fn length_and_kind(message: &[u8]) -> Option<(usize, u16)> {
    let length = usize::try_from(u32::from_ne_bytes(first(message)?)).ok()?;
    let kind = u16::from_ne_bytes(first(message.get(4..)?)?);
    (length >= HEADER).then_some((length, kind))
}

fn packet_id(body: &[u8]) -> Option<u32> {
    let mut attributes = body.get(GENERAL..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(first(attributes)?));
        let kind = u16::from_ne_bytes(first(attributes.get(2..)?)?);
        if kind == PACKET_HEADER {
            return first(attributes.get(4..length)?).map(u32::from_be_bytes);
        }
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn first<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel sends it: a header of a packet behind another attribute.
    fn packet(id: u32) -> Vec<u8> {
        let mut packet = message(PACKET, 0, 20, 9, &[7; 5]);
        let mut header = id.to_be_bytes().to_vec();
        header.extend([8, 0, 2]);
        packet.extend([11, 0, 1, 0]);
        packet.extend(header);
        packet.push(0);
        let length = u32::try_from(packet.len()).unwrap();
        packet[..4].copy_from_slice(&length.to_ne_bytes());
        packet
    }

    #[test]
    fn a_verdict_is_as_the_kernel_reads_it() {
        let bytes: Vec<u8> = [
            &32_u32.to_ne_bytes()[..],
            &0x0303_u16.to_ne_bytes(),
            &1_u16.to_ne_bytes(),
            &[0; 8],
            &[0, 0, 0, 20],
            &12_u16.to_ne_bytes(),
            &2_u16.to_ne_bytes(),
            &[0, 0, 0, 1, 0, 0, 1, 2],
        ]
        .concat();
        assert_eq!(accept_up_to(20, 258), bytes);
    }

    #[test]
    fn packets_and_answers_are_found_in_one_datagram() {
        let answer = [
            &20_u32.to_ne_bytes()[..],
            &2_u16.to_ne_bytes(),
            &[0; 10],
            &(-1_i32).to_ne_bytes(),
        ]
        .concat();
        let datagram = [packet(5), answer, packet(6)].concat();
        let expected = [
            Message::Packet { id: 5 },
            Message::Answer(-1),
            Message::Packet { id: 6 },
        ];
        assert_eq!(parse(&datagram), expected);
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        let whole = packet(5);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), [], "{length} bytes");
        }
    }
}
