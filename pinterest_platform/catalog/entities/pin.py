"""A pin: a picture or video that a user posted."""

from pinterest_platform.catalog.model import Column, Entity, Field, Headline

ENTITY = Entity(
    name="pin",
    order=1,
    description="A pin: a picture or video with its title, category and poster.",
    key_field="index",
    fields=(
        Field("index", number="bigint"),
        Field("unique_id"),
        Field("title", sentinels=("No Title Data Available",)),
        Field("description", sentinels=("No description available Story format", "No description available")),
        Field("poster_name", sentinels=("User Info Error",)),
        Field(
            "follower_count",
            sentinels=("User Info Error",),
            reader="pinterest_platform.transforms.reading:follower_count",
        ),
        Field("tag_list", sentinels=("N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",)),
        Field("is_image_or_video"),
        Field("image_src", sentinels=("Image src error.", "Image src error")),
        Field("downloaded"),
        Field("save_location"),
        Field("category"),
    ),
    columns=(
        Column(
            name="ind",
            type="bigint",
            description="Key of the post.",
            sources=("index",),
            nullable=False,
            unique=True,
        ),
        Column(name="unique_id", type="string", description="Identifier that the source gave to the pin."),
        Column(name="title", type="string", description="Title."),
        Column(name="description", type="string", description="Description."),
        Column(
            name="follower_count",
            type="bigint",
            description="Followers of the poster, rounded half up (rule C11).",
            minimum=0,
        ),
        Column(name="poster_name", type="string", description="Account that posted the pin.", pii=True),
        Column(name="tag_list", type="string", description="Tags, separated by commas."),
        Column(
            name="is_image_or_video",
            type="string",
            description="Kind of the pin: image, video or multi-video(story page format).",
        ),
        Column(name="image_src", type="string", description="Address of the picture."),
        Column(
            name="save_location",
            type="string",
            description="Path under which the source saved the pin (rule C12).",
            rule="pinterest_platform.transforms.reading:save_location",
        ),
        Column(name="category", type="string", description="Category."),
    ),
    headlines=(Headline("Posts"), Headline("Posters", ("poster_name",))),
)
