"""The images that rows name: files, members of archives, or addresses, and where they are stored.
Fetchers use `named_addresses` (`lock_addresses`, `remove_unnamed_addresses`) and `photo_files`
(`store_photo`, `suffix_of`)."""
