"""In which language a caller reads messages: English, or Portuguese where `Accept-Language` prefers it.

A message is written in English where its rule is, with its values in it. It is translated only where it leaves, by
`in_language`: what is stored with a key, logged, or raised in another process is the English text.
"""
