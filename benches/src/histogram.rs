//! A histogram as `/metrics` shows it.

/// How many values lie at or below each edge, in seconds; the last edge is infinite.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram(Vec<(f64, f64)>);

impl Histogram {
    /// From the text for a scraper; samples of all labels together.
    pub fn read(text: &str, name: &str) -> Self {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for line in text.lines().filter(|line| line.starts_with(name)) {
            let Some((labels, count)) = line[name.len()..].strip_prefix("_bucket{").and_then(|it| it.rsplit_once("} "))
            else {
                continue;
            };
            let edge = labels.split(',').find_map(|label| label.strip_prefix("le=\"")?.strip_suffix('"')?.parse().ok());
            let (Some(edge), Ok(count)) = (edge, count.parse::<f64>()) else { continue };
            match buckets.iter_mut().find(|(known, _)| *known == edge) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((edge, count)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(buckets)
    }

    /// What has come since an earlier look.
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.0.iter().zip(&earlier.0);
        Self(pairs.map(|((edge, count), (_, before))| (*edge, count - before)).collect())
    }

    /// The value in seconds below which this part (0 to 1) lies: linear between two edges, as Prometheus has it. None
    /// of nothing; the last finite edge where the value lies beyond it.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let all = self.0.last()?.1;
        let wanted = all * part;
        let at = self.0.iter().position(|(_, count)| *count >= wanted).filter(|_| all > 0.0)?;
        let (low, below) = if at == 0 { (0.0, 0.0) } else { self.0[at - 1] };
        let (high, count) = self.0[at];
        if high.is_infinite() {
            return Some(low);
        }
        Some(low + (high - low) * ((wanted - below) / (count - below).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a_seconds_bucket{le=\"0.001\",worker=\"0\"} 90\na_seconds_bucket{worker=\"1\",le=\"0.001\"} 0\n\
                        a_seconds_bucket{le=\"0.002\",worker=\"0\"} 100\na_seconds_bucket{le=\"+Inf\",worker=\"0\"} 100\n\
                        a_seconds_count{worker=\"0\"} 100\nb_seconds_bucket{le=\"0.001\"} 7\n";

    #[test]
    fn a_quantile_lies_between_its_edges() {
        let read = Histogram::read(TEXT, "a_seconds");
        assert_eq!(read.0.len(), 3);
        assert!((read.quantile(0.95).expect("values") - 0.0015).abs() < 1e-9);
        assert!((read.quantile(0.45).expect("values") - 0.0005).abs() < 1e-9);
        assert_eq!(read.since(&read).quantile(0.5), None);
    }
}
