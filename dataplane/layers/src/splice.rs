//! One outgoing stream of sequence numbers, made of incoming ones.
//!
//! A receiver sees a single stream (RFC 3550 section 5.1): numbers that go on by one where
//! the publisher's do, whichever of its streams is passed on. A gap in what came in is the
//! same gap in what goes out, so that the receiver asks for exactly what was lost and a late
//! packet finds its place free.

use std::collections::VecDeque;

/// Pieces remembered for late packets and for [`Splice::find`]. A scalable stream of 30
/// frames a second of which some are left out begins one with every frame: two seconds, which
/// is longer than anybody asks for a packet again.
const PIECES: usize = 64;
/// Numbers are counted on without end, beginning in the second round of 2^16, so that those
/// before the first are no special case.
const ROUND: u64 = 1 << 16;

/// Numbers remembered that nobody is to be sent: as many as the pieces of two seconds can have.
const LEFT_OUT: usize = 64;
/// Nothing is later than a second, and this is more than a second of 10 Mbit/s: who is so far
/// behind counts anew.
const FAR: u64 = 1_024;

/// A run of numbers that went out as they came in, moved by a constant. It ends where the
/// next begins.
#[derive(Debug, Clone, Copy)]
struct Piece {
    source: u8,
    /// Its first number as it came in.
    from: u64,
    /// The same as it went out.
    out: u64,
}

/// What one receiver gets of one track with layers. Sources are the publisher's streams; a
/// scalable track has one.
///
/// At most 64 pieces of 24 bytes and 64 numbers of 8. Nothing is allocated for a packet once they are there.
///
/// Guarantees, as long as each [`cut`](Self::cut) to a source is to a later number than what
/// was passed of it before: no two packets go out with one number, and a packet passed again
/// gets the number it had.
#[derive(Debug, Clone, Default)]
pub struct Splice {
    source: Option<u8>,
    /// By outgoing number.
    pieces: VecDeque<Piece>,
    /// Outgoing numbers that were kept for what came late and was left out.
    left_out: VecDeque<u64>,
    /// Pieces from this outgoing number on are of the current source.
    since: u64,
    /// The highest number of the current source that was passed or skipped.
    newest: u64,
    /// The next number that goes out; 0 before the first cut.
    end: u64,
    /// Whether the last piece goes on: nothing was skipped after it.
    open: bool,
}

impl Splice {
    /// Nothing is passed on before the first cut.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            source: None,
            pieces: VecDeque::new(),
            left_out: VecDeque::new(),
            since: 0,
            newest: 0,
            end: 0,
            open: false,
        }
    }

    /// Which source is passed on now.
    #[must_use]
    pub const fn source(&self) -> Option<u8> {
        self.source
    }

    /// Cuts over to a source at this packet, the first of a key frame; [`pass`](Self::pass)
    /// gives it its number. The first cut of all keeps the publisher's number.
    pub fn cut(&mut self, to: u8, sequence: u16) {
        let from = ROUND + u64::from(sequence);
        if self.end == 0 {
            self.end = from;
        }
        self.source = Some(to);
        self.since = self.end;
        self.newest = from - 1;
        self.begin_piece(to);
    }

    /// The receiver is paused: nothing passes until the next cut. What went out can still be
    /// found.
    pub const fn stop(&mut self) {
        self.source = None;
    }

    /// Whether the current source counts anew: this packet's number is so far behind that it is
    /// not a late one. Nothing of it passes until it is cut over to again.
    #[must_use]
    pub fn counts_anew(&self, sequence: u16) -> bool {
        self.source.is_some() && self.whole(sequence) + FAR < self.newest
    }

    /// The number that a packet of the current source goes out with, the same one for a
    /// packet that comes again. `None` for what is from before the cut, was skipped, or is
    /// so late that nobody remembers its place.
    pub fn pass(&mut self, sequence: u16) -> Option<u16> {
        let source = self.source?;
        let number = self.whole(sequence);
        if number + FAR < self.newest {
            return None;
        }
        if number <= self.newest {
            let place = self.place_of(number);
            return place.filter(|out| !self.left_out.contains(out)).map(low);
        }
        if !self.open {
            self.begin_piece(source);
        }
        self.end += number - self.newest;
        self.newest = number;
        Some(low(self.end - 1))
    }

    /// This packet is left out on purpose; those behind it close up. One that is left out
    /// after a later one has passed leaves its number empty, whoever asks for it.
    pub fn skip(&mut self, sequence: u16) {
        let Some(source) = self.source else { return };
        let number = self.whole(sequence);
        if number <= self.newest {
            return self.leave_out(number);
        }
        // What was lost between may be wanted when it comes.
        let lost = number - self.newest - 1;
        if lost > 0 && !self.open {
            self.begin_piece(source);
        }
        self.end += lost;
        self.newest = number;
        self.open = false;
    }

    /// Source and number of what went out with this number, or would have if it had not been
    /// lost. `None` for what never went out or is forgotten.
    #[must_use]
    pub fn find(&self, out: u16) -> Option<(u8, u16)> {
        let out = self.went_out(out)?;
        if self.left_out.contains(&out) {
            return None;
        }
        let mut pieces = self.pieces.iter().rev();
        let piece = pieces.find(|piece| piece.out <= out)?;
        Some((piece.source, low(piece.from + (out - piece.out))))
    }

    /// Whether a number that went out is of what is passed on now: of the current source, and
    /// from its cut on.
    #[must_use]
    pub fn is_current(&self, out: u16) -> bool {
        let out = self.went_out(out).filter(|_| self.source.is_some());
        out.is_some_and(|out| out >= self.since)
    }

    /// All of a number that went out, which is not ahead of the newest.
    fn went_out(&self, out: u16) -> Option<u64> {
        let newest = self.end.checked_sub(1)?;
        let behind = low(newest).wrapping_sub(out);
        (behind <= u16::MAX / 2).then(|| newest - u64::from(behind))
    }

    fn leave_out(&mut self, number: u64) {
        if let Some(out) = self.place_of(number)
            && !self.left_out.contains(&out)
        {
            if self.left_out.len() == LEFT_OUT {
                self.left_out.pop_front();
            }
            self.left_out.push_back(out);
        }
    }

    /// The outgoing number of a packet that is not the newest.
    fn place_of(&self, number: u64) -> Option<u64> {
        let mut end = self.end;
        let pieces = self.pieces.iter().rev();
        for piece in pieces.take_while(|piece| piece.out >= self.since) {
            if piece.from <= number {
                let out = piece.out + (number - piece.from);
                return (out < end).then_some(out);
            }
            end = piece.out;
        }
        None
    }

    /// The next number goes out as the next.
    fn begin_piece(&mut self, source: u8) {
        if self.pieces.len() == PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back(Piece {
            source,
            from: self.newest + 1,
            out: self.end,
        });
        self.open = true;
    }

    /// The number whose last 16 bits are these, nearest to the newest.
    fn whole(&self, sequence: u16) -> u64 {
        let ahead = sequence.wrapping_sub(low(self.newest)).cast_signed();
        self.newest.saturating_add_signed(i64::from(ahead))
    }
}

const fn low(number: u64) -> u16 {
    let [.., high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}
