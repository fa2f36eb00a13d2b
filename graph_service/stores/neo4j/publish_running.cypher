// One row is one transaction of ours that is running, except those that ask this.
// Who began before the pointer moved may still read what the last publish showed.
SHOW TRANSACTIONS YIELD transactionId, metaData
WHERE metaData.application = $application AND metaData.query <> 'running'
RETURN transactionId AS id, metaData.purpose AS purpose
