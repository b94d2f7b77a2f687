"""Why rows, photos and files of imports are refused, and why imports end early."""

from django.utils.translation import gettext_noop as _noop

REFUSED_ROWS = (
    _noop("a product must be a JSON object"),
    _noop("sku is missing"),
    _noop("%(field)s must be text"),
    _noop("%(field)s has %(number)s characters; at most %(most)s are allowed"),
    _noop("%(field)s contains a NUL character"),
    _noop("%(field)s contains half of a surrogate pair, which is not a character"),
    _noop("%(field)s must be a list"),
    _noop("%(field)s has %(number)s entries; at most %(most)s are allowed"),
    _noop("%(field)s must be true or false"),
    _noop("%(field)s must be a whole number from 0 to 2147483647"),
    _noop("url must start with http:// or https://"),
    _noop("price %(text)s is not a number"),
    _noop("price %(text)s must be at least 0 and less than ten billion"),
    _noop("price %(text)s is not an amount with a currency that is known"),
    _noop("currency %(text)s must be a three-letter code such as EUR"),
    _noop('options must be an object such as {"size": "M"}'),
    _noop("the other fields %(problem)s"),
    _noop("the name of an option"),
    _noop("option %(name)s"),
    _noop("date %(text)s cannot be read"),
    _noop("period %(text)s must be two dates with a slash between them"),
    _noop("popularity %(text)s is not a whole number"),
    _noop("%(field)s %(text)s is neither yes nor no"),
    _noop("some of its text is not %(encoding)s, as the rest of the file is"),
    _noop("not UTF-8 text"),
    _noop("not valid JSON: %(detail)s"),
    _noop(
        "the row has no title, and the row above has another handle: the rows of a product"
        " must stand together"
    ),
    _noop("the row has %(cells)s cells, and the header %(width)s"),
    _noop("sku %(sku)s is already a variant of %(owner)s in this file"),
    _noop("sku %(sku)s is already a product of its own in this file"),
)
IMAGES_OF_ROWS = (
    _noop("images must be a list of file paths and web addresses"),
    _noop("image %(image)s cannot be fetched: %(reason)s"),
    _noop("image %(image)s lies outside the folder of the file"),
    _noop("image %(image)s cannot be read: a loop of symbolic links"),
    _noop("image %(image)s cannot be read from %(archive)s: %(reason)s"),
    _noop("image %(image)s cannot be read: %(reason)s"),
    _noop("image %(image)s is not in %(archive)s"),
    _noop("the archive holds this name twice"),
    _noop("it is encrypted"),
    _noop("it is damaged"),
    _noop("it is larger than it says"),
    _noop("it is larger than a feed can be"),
    _noop("its compression is not known"),
    _noop("it has more than %(number)s MB"),
    _noop("it contains a control character or a backslash"),
    _noop("it must start with http:// or https://"),
    _noop("it must not contain a user name or a password"),
    _noop("port 0 does not exist"),
    _noop("it has more than %(number)s characters"),
    _noop("it has no host"),
    _noop("its host contains a percent sign or the zone of an IPv6 address"),
    _noop("%(host)r is not a host name"),
    _noop("%(host)r is not an IPv4 address of four decimal numbers"),
    _noop("it is not a valid address (%(error)s)"),
    _noop("it has no IPv6 address between the brackets"),
    _noop("are nested more than %(depth)s deep"),
    _noop("hold a value that JSON does not have"),
    _noop("contain a NUL character or half of a surrogate pair"),
    _noop("No such file or directory"),
    _noop("Is a directory"),
    _noop("Permission denied"),
    _noop("No space left on device"),
    _noop("File name too long"),
)
NOTES = (
    _noop("%(field)s has %(number)s characters; it is cut to %(most)s"),
    _noop("%(number)s keywords are left out: too long or too many"),
    _noop("%(number)s images; the first %(most)s are kept"),
    _noop("%(reason)s; it is left out"),
    _noop("%(reason)s; the sale price is left out"),
    _noop("sku %(sku)s is in the file again; this line counts"),
)
UNREADABLE_PHOTOS = (
    _noop("The image is damaged or incomplete; send the original file again."),
    _noop("The image is missing or empty; choose a photo to send."),
    _noop("The image takes too long to read; save it as JPEG and send it again."),
    _noop("The image holds no usable values; save it as JPEG."),
    _noop("The image has too little content for its size; send a smaller copy of it."),
    _noop("The BMP is compressed; save it as JPEG and send it again."),
    _noop("The TIFF is damaged; save it as JPEG and send it again."),
    _noop("The %(format)s has too many %(parts)s; save it anew and send it again."),
    _noop("The JPEG has too much padding; save it anew and send it again."),
    _noop("The JPEG has no pixels; save it anew and send it again."),
    _noop("Send an image of at most %(most)s megapixels."),
    _noop("Send an image of at most %(most)s MB."),
    _noop("Send an image of at most %(most)s pixels a side."),
    _noop("The file is an SVG drawing; send JPEG, PNG, WebP, HEIC or AVIF."),
    _noop("The file is not a photo of a known kind; send JPEG, PNG, WebP, HEIC or AVIF."),
    _noop("The decoder crashed."),
    _noop("The file cannot be read: %(reason)s."),
)
FETCHES = (
    _noop("The server redirects without saying where to."),
    _noop("The address redirects more than %(number)s times."),
    _noop("The server has no such file (status %(status)s)."),
    _noop("The server answered with the status %(status)s."),
    _noop("The file is larger than %(number)s MB."),
    _noop("The server sends the encoding %(text)s, which is not known."),
    _noop("The server sends a damaged compressed file."),
    _noop("The connection was cut off before the file was complete."),
    _noop("A redirect leads to a bad address: %(reason)s."),
    _noop("The server cannot be reached: it does not answer."),
    _noop("The server cannot be reached: %(reason)s."),
    _noop("[Errno 111] Connection refused"),
    _noop("[Errno 113] No route to host"),
    _noop("[Errno 101] Network is unreachable"),
    _noop("The server took more than %(number)s s."),
    _noop("The certificate of the server is not valid: %(detail)s."),
    _noop("The host name cannot be resolved (%(detail)s)."),
    _noop("The host does not answer. Its photos are tried again later."),
    _noop("The address is not valid: %(reason)s."),
    _noop("The port %(port)s of %(host)s is not allowed."),
    _noop("%(host)s is not a public host: its address is %(ip)s."),
    _noop("%(host)s is not a public host."),
    _noop("The photo takes too long to read."),
    _noop("The server sent a web page in place of a photo."),
    _noop("The server sent an empty file."),
    _noop("The server sent no usable photo (type %(kind)s): %(reason)s"),
    _noop("The server sent no usable photo: %(reason)s"),
    _noop("%(address)s cannot be fetched: %(reason)s"),
)
IMPORTS_THAT_END_EARLY = (
    _noop("%(reason)s %(number)s products before this are written."),
    _noop(
        "%(reason)s %(number)s products are written, the others are not. Remove the cause,"
        " then import the file again."
    ),
    _noop("A photo cannot be stored: %(reason)s."),
    _noop("A temporary file cannot be written: %(reason)s."),
    _noop("A temporary file cannot be written: %(reason)s. Nothing is imported."),
    _noop("The database cannot write: %(detail)s."),
    _noop("%(file)s: the file is empty."),
    _noop("%(file)s: the mapping is not valid JSON: %(detail)s."),
    _noop('%(name)s: the mapping must be a JSON object with a "sku".'),
    _noop('%(name)s: "options" must be an object: option to column.'),
    _noop(
        '%(name)s: "%(field)s" must be the name of a column, a list of such names,'
        ' {"value": "…"} or {"column": "…", "separator": "…"}.'
    ),
    _noop("%(path)r is not the path of a file."),
    _noop("%(path)s lies outside IMPORT_ROOT (%(root)s): sources may only name files below it."),
    _noop("%(file)s: the file ends in the middle of line %(line)s."),
    _noop("%(file)s: the file ends in the middle of the row of line %(line)s."),
    _noop("%(file)s: the file ends in the middle: %(detail)s."),
    _noop("%(file)s: the file is one JSON list. Write one object a line instead."),
    _noop(
        "%(file)s: the format is not known. Name one of %(formats)s, or give a mapping that"
        " says which column is which of %(fields)s. The columns of the file are: %(columns)s."
    ),
    _noop(
        "%(file)s: the format is not known; the file is not text. Known formats are %(formats)s."
    ),
    _noop(
        "%(file)s: the XML begins with <%(name)s>. Known are <yml_catalog> of Yandex Market,"
        " and <rss> and <feed> of Google Merchant."
    ),
    _noop(
        "%(file)s: the file does not have the columns of the format %(format)s. Its columns"
        " are: %(columns)s."
    ),
    _noop("%(file)s: the file is %(kind)s. Export the products as CSV or XML."),
    _noop(
        "%(file)s: the file has no column %(column)s, which the mapping names. Its columns"
        " are: %(columns)s."
    ),
    _noop("%(file)s: the file has no line that names its columns."),
    _noop("%(file)s, line %(line)s: %(detail)s. A quotation mark may be missing before."),
    _noop("%(file)s: one product is larger than the limit."),
    _noop("%(file)s: the XML is broken: %(detail)s."),
    _noop(
        "%(file)s: the file declares entities or a document type of its own. Both can attack"
        " the reader, and no product needs them: remove the declaration."
    ),
    _noop("%(file)s: the compressed file is damaged."),
    _noop("%(file)s: the compressed file ends in the middle. Nothing of it is imported."),
    _noop("%(file)s: the file decompresses to more than a feed can have (%(number)s MB)."),
    _noop("%(file)s: the feed cannot be unpacked: %(reason)s."),
    _noop("%(file)s: the list of its files is too long."),
    _noop("%(file)s has more than %(number)s files."),
    _noop("%(file)s must have exactly one feed (%(known)s); %(reason)s."),
    _noop("it has none"),
    _noop("it has %(number)s: %(found)s"),
    _noop("%(file)s: the archive cannot be read: %(reason)s."),
    _noop("%(file)s: the file is no zip archive, or it is damaged."),
    _noop("%(file)s: the file cannot be read: %(reason)s."),
    _noop("%(file)s: there is no such file below IMPORT_ROOT."),
    _noop("%(file)s: there is no such file."),
    _noop("%(file)s: %(member)s cannot be read: %(reason)s."),
    _noop("It was interrupted. What it had written stays."),
    _noop("It was cancelled or interrupted. What it had written stays."),
    _noop(
        "No product is hidden: %(missing)s are missing, but %(refused)s refused"
        " lines do not tell whose they are."
    ),
    _noop(
        "The source was deleted during the import. What it had written stays, and can be"
        " taken back."
    ),
)
