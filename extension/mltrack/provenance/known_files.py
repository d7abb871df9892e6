"""Which functions open files, and which of their arguments says which file."""

from __future__ import annotations

from mltrack.provenance.word_lists import words

READS, WRITES, MAKES, REMOVES = "reads", "writes", "makes", "removes"

_FIRST_READ = (
    "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile joblib.load torch.load PIL.Image.open "
    "matplotlib.pyplot.imread matplotlib.image.imread cv2.imread scipy.io.loadmat scipy.io.wavfile.read "
    "os.listdir os.walk os.scandir os.stat os.path.exists os.path.isfile os.path.isdir os.path.getsize glob.glob "
    "glob.iglob skimage.io.imread xgboost.DMatrix"
)
_FIRST_WRITTEN = (
    "numpy.save numpy.savez numpy.savez_compressed numpy.savetxt matplotlib.pyplot.savefig matplotlib.pyplot.imsave "
    "cv2.imwrite scipy.io.savemat"
)
_SECOND_WRITTEN = "joblib.dump torch.save urllib.request.urlretrieve"
_OPENED = (
    "zipfile.ZipFile tarfile.open sqlite3.connect h5py.File shelve.open dbm.open sqlalchemy.create_engine "
    "pandas.ExcelWriter pandas.HDFStore duckdb.connect logging.FileHandler numpy.memmap numpy.lib.format.open_memmap "
    "tables.open_file netCDF4.Dataset"
)
_MADE = "os.makedirs os.mkdir"
_REMOVED = "os.remove os.unlink os.rmdir shutil.rmtree"
_MOVED = "os.rename os.replace shutil.move shutil.copy shutil.copy2 shutil.copyfile shutil.copytree os.link os.symlink"
_ANY = "os.system os.popen shutil.unpack_archive shutil.make_archive"

FILE_ARGUMENTS: dict[str, tuple[tuple[int, str], ...]] = {
    **dict.fromkeys(_FIRST_READ.split(), ((0, READS),)),
    **dict.fromkeys(_FIRST_WRITTEN.split(), ((0, WRITES),)),
    **dict.fromkeys(_SECOND_WRITTEN.split(), ((1, WRITES),)),
    **dict.fromkeys(_OPENED.split(), ((0, READS), (0, MAKES))),
    **dict.fromkeys(_MADE.split(), ((0, READS), (0, MAKES))),
    **dict.fromkeys(_REMOVED.split(), ((0, READS), (0, REMOVES))),
    **dict.fromkeys(_MOVED.split(), ((0, READS), (0, MAKES), (1, MAKES))),
    **dict.fromkeys(_ANY.split(), ((99, READS), (99, MAKES))),
}
"""By dotted name: the number of the argument, and what is done to the file it names."""

OPENED_FILES = frozenset(_OPENED.split())
"""Functions that give an object which goes on to read and write the file they open."""

KEYWORDS = (
    "path",
    "file",
    "filename",
    "fname",
    "filepath_or_buffer",
    "path_or_buf",
    "io",
    "f",
    "name",
    "fp",
    "database",
    "url",
)

PATH_METHODS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(words("read_text read_bytes exists is_file is_dir stat iterdir glob rglob"), (READS,)),
    **dict.fromkeys(words("write_text write_bytes"), (WRITES,)),
    **dict.fromkeys(words("touch mkdir unlink rmdir rename replace symlink_to hardlink_to chmod"), (READS, MAKES)),
}
"""What methods of a path do to the file of that path."""

STARTS_PROCESS = ("subprocess.", "os.exec", "os.spawn", "os.posix_spawn", "pty.")


def reads_by_name(path: str) -> bool:
    """Tell whether a function of pandas or polars reads the file that it is given first."""
    root, _, name = path.partition(".")
    return root in ("pandas", "polars") and name.startswith(("read_", "scan_"))
