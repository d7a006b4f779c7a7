"""One small file per family of the pre-training mix, and the grammar they share.

grammar values             how sentences and invented values are drawn
domains (+ organisations/) who says what; a new line there is a new thing to read about
passages, letters (+ .txt), replies  what is read, how it is asked, how it is to be answered
passage_qa few_shot lookup labels (+ intents.txt) shown_labels copying sentences slots
arithmetic real_questions cloze  the families: ``sample(rng, ...) -> Conversation``
"""
