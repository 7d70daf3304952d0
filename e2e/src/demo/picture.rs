//! The demo as a picture: people and room above, routers below, over time.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::observe::RouterCounts;

/// Width and height in pixels.
const SIZE: (u32, u32) = (900, 520);

/// A line of the picture.
struct Line {
    name: &'static str,
    colour: RGBColor,
    value: fn(&RouterCounts) -> u32,
}

const PEOPLE: [Line; 2] = [
    Line {
        name: "people in meetings",
        colour: RGBColor(31, 119, 180),
        value: |c| c.participants,
    },
    Line {
        name: "room on accepting routers",
        colour: RGBColor(170, 170, 170),
        value: |c| c.capacity,
    },
];

const ROUTERS: [Line; 4] = [
    Line {
        name: "desired",
        colour: RGBColor(170, 170, 170),
        value: |c| c.desired,
    },
    Line {
        name: "active",
        colour: RGBColor(255, 127, 14),
        value: |c| c.active,
    },
    Line {
        name: "accepting",
        colour: RGBColor(44, 160, 44),
        value: |c| c.accepting,
    },
    Line {
        name: "draining",
        colour: RGBColor(214, 39, 40),
        value: |c| c.draining,
    },
];

/// Draws the pool's status, given by seconds since the start, up to `end_s`.
pub fn draw(path: &Path, counts: &[(f64, RouterCounts)], end_s: f64) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (people, routers) = area.split_vertically(SIZE.1 / 2);
    panel(&people, "People", &PEOPLE, counts, end_s)?;
    panel(&routers, "Routers", &ROUTERS, counts, end_s)?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[Line],
    counts: &[(f64, RouterCounts)],
    end_s: f64,
) -> Result<()> {
    let values = lines
        .iter()
        .flat_map(|line| counts.iter().map(|(_, c)| (line.value)(c)));
    let most = values.max().unwrap_or(0);
    let top = f64::from(most) * 1.15 + 0.5;
    // A label for each router; not for each person.
    let labels = usize::try_from(most).map_or(8, |most| (most + 2).min(8));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(45)
        .build_cartesian_2d(0.0..end_s, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .light_line_style(WHITE)
        .y_labels(labels)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    for line in lines {
        let colour = line.colour;
        chart
            .draw_series(LineSeries::new(
                steps(counts, line.value, end_s),
                colour.stroke_width(2),
            ))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

/// A value stays until the next one: a staircase.
fn steps(
    counts: &[(f64, RouterCounts)],
    value: fn(&RouterCounts) -> u32,
    end_s: f64,
) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut last = None;
    for (at, counts) in counts {
        let now = f64::from(value(counts));
        points.extend(last.map(|last| (*at, last)));
        points.push((*at, now));
        last = Some(now);
    }
    points.extend(last.map(|last| (end_s, last)));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_until_the_next() {
        let at = |active| RouterCounts {
            active,
            ..RouterCounts::default()
        };
        let counts = [(0.0, at(1)), (5.0, at(3))];
        assert_eq!(
            steps(&counts, |counts| counts.active, 9.0),
            [(0.0, 1.0), (5.0, 1.0), (5.0, 3.0), (9.0, 3.0)]
        );
    }

    #[test]
    fn the_picture_names_its_lines() {
        let path = tempfile::NamedTempFile::with_suffix(".svg").unwrap();
        let counts = [(
            0.0,
            RouterCounts {
                participants: 7,
                capacity: 80,
                ..RouterCounts::default()
            },
        )];
        draw(path.path(), &counts, 10.0).unwrap();
        let svg = std::fs::read_to_string(path.path()).unwrap();
        for name in ["people in meetings", "accepting", "draining", "seconds"] {
            assert!(svg.contains(name), "{name}");
        }
    }
}
