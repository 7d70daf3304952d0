-- When a replica heard last of the directory that it follows, by its own database's clock. What was
-- good then stays so until it hears of it again.
ALTER TABLE replica ADD COLUMN heard BIGINT;
