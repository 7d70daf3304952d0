//! Whose picture somebody gets, and how large: by the size it is shown at and by what else is
//! to be seen.
//!
//! | file | idea |
//! |---|---|
//! | `sizes` | as large as it is shown, and as the path carries |
//! | `wants` | which wishes are kept |
//! | `several` | who is seen large among several |
//! | `screens` | cameras and a screen share a path |
//! | `shed` | a router without time |
//! | `panel` | three who publish cameras, and one who watches |

mod panel;
mod screens;
mod several;
mod shed;
mod sizes;
mod wants;
