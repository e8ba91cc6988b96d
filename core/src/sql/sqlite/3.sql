-- Secrets that rotate.

-- Answers that are given again.

-- Replays, what retention took, and what each webhook is owed.
