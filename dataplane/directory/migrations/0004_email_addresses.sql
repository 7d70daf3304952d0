-- Whom somebody means who writes an address. Several accounts may have the same.
CREATE INDEX account_email ON account (lower(email));
