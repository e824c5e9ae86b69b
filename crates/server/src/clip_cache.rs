//! The demo's clips on disk, so that only its first start has to draw.
//!
//! One file for each feed: the key of what made it, then the clip. What cannot be read is drawn again and written over,
//! so nothing here is ever in the way, and the directory holds no more than one clip of each feed.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::PathBuf;

use codec::{Clip, ClipPlan};

/// A clip has less than a megabyte. A larger file is none of ours and is not read.
const FILE_BYTES: u64 = 8 * 1024 * 1024;
const KEY_BYTES: usize = size_of::<u64>();

/// Where the clips are kept, and which build of this program keeps them.
#[derive(Debug)]
pub(crate) struct ClipCache {
    directory: PathBuf,
    build: u64,
}

impl ClipCache {
    /// The cache in the directory that the XDG base directory specification names; none where there is no such, or
    /// where this program cannot be read.
    pub(crate) fn open() -> Option<Self> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        Some(Self { directory: base.join("consilium/demo"), build: build().ok()? })
    }

    /// The clip of a feed as an earlier start has made it.
    pub(crate) fn read(&self, feed: usize, plan: &ClipPlan) -> Option<Clip> {
        let path = self.path(feed);
        // Opening anything but a file might wait for ever.
        let is_ours = fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= FILE_BYTES);
        let bytes = is_ours.then(|| fs::read(path).ok())??;
        let (key, clip) = bytes.split_first_chunk::<KEY_BYTES>()?;
        plan.read((*key == self.key(plan)).then_some(clip)?)
    }

    /// Keeps a clip for later starts, whole or not at all.
    ///
    /// # Errors
    /// The disk is full or not ours to write to, which costs the next start its time and nothing else.
    pub(crate) fn keep(&self, feed: usize, plan: &ClipPlan, clip: &Clip) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut bytes = self.key(plan).to_vec();
        bytes.extend(clip.to_bytes());
        // Always the same name, so that a start that was killed here leaves no more than one such file. Two starts
        // that write into it together make a clip whose checksum is wrong.
        let path = self.path(feed);
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, bytes)?;
        fs::rename(unfinished, path)
    }

    fn path(&self, feed: usize) -> PathBuf {
        self.directory.join(format!("feed-{feed:02}.clip"))
    }

    /// The same only for the same drawing by the same program.
    fn key(&self, plan: &ClipPlan) -> [u8; KEY_BYTES] {
        let mut hasher = DefaultHasher::new();
        self.build.hash(&mut hasher);
        // A plan has numbers with fractions, which are not hashed but print exactly.
        format!("{plan:?}").hash(&mut hasher);
        hasher.finish().to_le_bytes()
    }
}

/// The hash of this program. A version would have to be raised with every change of a drawing, and once would not be.
fn build() -> io::Result<u64> {
    let mut program = File::open(std::env::current_exe()?)?;
    let (mut hasher, mut chunk) = (DefaultHasher::new(), vec![0; 64 * 1024]);
    loop {
        match program.read(&mut chunk)? {
            0 => return Ok(hasher.finish()),
            length => hasher.write(&chunk[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use codec::Motif;

    use super::*;

    /// A cache of this test's own, removed at its end.
    struct Scratch(ClipCache);

    impl Scratch {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("consilium-clips-{}-{name}", std::process::id()));
            Self(ClipCache { directory, build: 7 })
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0.directory).expect("is ours");
        }
    }

    fn plan() -> ClipPlan {
        ClipPlan {
            motif: Motif::Ct,
            seed: 1,
            site: 0,
            kind: 2,
            width: 64,
            height: 36,
            fps: 5,
            length_s: 1,
            bitrate_bps: 100_000,
            pitch_hz: None,
        }
    }

    #[test]
    fn a_clip_is_kept_for_its_feed_its_plan_and_its_build() {
        let scratch = Scratch::new("kept");
        let (cache, clip) = (&scratch.0, plan().make().expect("a clip"));
        assert_eq!(cache.read(3, &plan()), None, "nothing is there yet");
        cache.keep(3, &plan(), &clip).expect("it is written");
        assert_eq!(cache.read(3, &plan()), Some(clip));
        assert_eq!(cache.read(4, &plan()), None);
        assert_eq!(cache.read(3, &ClipPlan { seed: 2, ..plan() }), None);
        let later = ClipCache { directory: cache.directory.clone(), build: 8 };
        assert_eq!(later.read(3, &plan()), None);
    }

    #[test]
    fn what_is_broken_is_made_again() {
        let scratch = Scratch::new("broken");
        let (cache, clip) = (&scratch.0, plan().make().expect("a clip"));
        cache.keep(0, &plan(), &clip).expect("it is written");
        let whole = fs::read(cache.path(0)).expect("is there");
        for broken in [&[][..], &whole[..5], &whole[..whole.len() - 1], &[0xff; 4096]] {
            fs::write(cache.path(0), broken).expect("is ours");
            assert_eq!(cache.read(0, &plan()), None);
        }
        cache.keep(0, &plan(), &clip).expect("it is written over");
        assert_eq!(cache.read(0, &plan()), Some(clip));
        assert_eq!(fs::read_dir(&cache.directory).expect("is there").count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_build_is_known_by_its_program() {
        assert_eq!(build().expect("a test is a program"), build().expect("the same"));
    }
}
