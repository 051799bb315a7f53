"""Pin images by digest: the base images in every file that names one, and the server's image in prod.

python openshift/digests.py              list the images; exit code 1 if one is not pinned
python openshift/digests.py --renew      look up all base images with skopeo (`make digests`)
python openshift/digests.py --prod sha256:...    pin the server's image in overlays/prod
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
TABLE = PROJECT / "openshift" / "base-images.txt"
PROD = PROJECT / "openshift" / "overlays" / "prod" / "image" / "Kustomization"
NAMES_IMAGES = (
    "serving/Containerfile",
    "runtime-images/Containerfile",
    "runtime-images/*.json",
    "openshift/components/*/*.yaml",
    "pipelines/*.pipeline",
    "devfile.yaml",
    ".tekton/*.yaml",
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Image(NamedTuple):
    name: str  # with its registry
    tag: str
    digest: str  # "-" if it was never looked up

    @property
    def pinned(self) -> bool:
        return bool(DIGEST.fullmatch(self.digest))

    @property
    def path(self) -> str:
        "Return the name without the registry, which Containerfiles take as an argument."
        return self.name.partition("/")[2]

    @property
    def reference(self) -> str:
        "Return what a file should contain: the path with its digest, or else with its tag."
        return f"{self.path}@{self.digest}" if self.pinned else f"{self.path}:{self.tag}"


def read_table(table: Path = TABLE) -> list[Image]:
    "Return the base images in the order of the file."
    lines = (line for line in table.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [Image(*line.split()) for line in lines]


def write_table(images: list[Image], table: Path = TABLE) -> None:
    "Replace the images, and keep the comments above them."
    comments = [line for line in table.read_text("utf-8").splitlines() if line.startswith("#")]
    table.write_text("\n".join([*comments, *(" ".join(image) for image in images)]) + "\n", "utf-8")


def look_up(image: Image) -> Image:
    "Return the image with the digest that its tag has now. Raises SystemExit with skopeo's reason."
    command = [
        "skopeo",
        "inspect",
        "--no-tags",
        "--format",
        "{{.Digest}}",
        f"docker://{image.name}:{image.tag}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SystemExit(
            "skopeo is not installed: `dnf install skopeo` or `apt-get install skopeo`"
        ) from None
    digest = done.stdout.strip()
    if done.returncode or not DIGEST.fullmatch(digest):
        reason = (done.stderr.strip().splitlines() or ["no digest in its answer"])[-1]
        raise SystemExit(f"cannot look up {image.name}:{image.tag}: {reason}; nothing was changed")
    return image._replace(digest=digest)


def replace_references(images: list[Image], project: Path = PROJECT) -> list[Path]:  # the changed files
    "Write each image as `Image.reference` says, wherever it is named."
    changed = []
    for file in (file for pattern in NAMES_IMAGES for file in sorted(project.glob(pattern))):
        before = after = file.read_text("utf-8")
        for image in images:
            named = rf"\b{re.escape(image.path)}(:[\w.-]+|@sha256:[0-9a-f]{{64}})"
            after = re.sub(named, image.reference, after)
        if after != before:
            file.write_text(after, "utf-8")
            changed.append(file)
    return changed


def renew() -> None:
    "Look up every base image, then write the table and the files."
    images = [look_up(image) for image in read_table()]
    write_table(images)
    for file in replace_references(images):
        print(f"changed {file.relative_to(PROJECT)}")


def pin_prod(digest: str) -> None:
    "Write the digest of the server's image into overlays/prod. Raises SystemExit if it is not a digest."
    if not DIGEST.fullmatch(digest):
        raise SystemExit(f"a digest is sha256: and 64 hexadecimal digits, got '{digest}'")
    PROD.write_text(
        re.sub(r"(?m)^    (newTag|digest): .*$", f"    digest: {digest}", PROD.read_text("utf-8")), "utf-8"
    )


def list_images() -> int:  # how many are not pinned
    "Print each image and whether it is pinned."
    prod = DIGEST.search(PROD.read_text("utf-8"))
    images = [
        *read_table(),
        Image("openshift/overlays/prod goldenpath-serving", "-", prod[0] if prod else "-"),
    ]
    for image in images:
        print(f"{image.name} {image.tag}: {image.digest if image.pinned else 'not pinned'}")
    return sum(not image.pinned for image in images)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--renew", action="store_true", help="look up all base images with skopeo")
    parser.add_argument("--prod", metavar="DIGEST", help="pin the server's image in overlays/prod")
    chosen = parser.parse_args(words)
    if chosen.renew:
        renew()
    if chosen.prod:
        pin_prod(chosen.prod)
    missing = list_images()
    return 1 if missing and not (chosen.renew or chosen.prod) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
