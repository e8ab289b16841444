package main

import (
	"github.com/spf13/cobra"
)

func hbaseCommand(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "hbase",
		Short: "Collect the evidence of a sick HBase cluster and plan its repair",
		Long: `From a sick HBase cluster to the proof that it is well again:

  plumbline hbase collect --cluster-id j-… --out before      on the primary node: the evidence, as one directory
  plumbline call hbase_check --bundle before                 anywhere: every inconsistency, with its evidence
  plumbline hbase plan --bundle before --script plan.sh      the repair in the right order, as a script to read and run
  plumbline hbase collect --cluster-id j-… --out after
  plumbline call hbase_verify --before before --after after  what is fixed, unchanged, new`,
	}
	c.AddCommand(hbaseCollectCommand(s), hbasePlanCommand(s))
	return c
}
