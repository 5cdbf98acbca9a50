// The contract of ports::Store. Include it in an adapter's test and instantiate:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreFactory{"sqlite", make}),
//   factory_name);
#pragma once

#include "ports/contract/store_contract_claims.h"
#include "ports/contract/store_contract_documents.h"
#include "ports/contract/store_contract_events.h"
#include "ports/contract/store_contract_log.h"
#include "ports/contract/store_contract_operator.h"
#include "ports/contract/store_contract_queue.h"
#include "ports/contract/store_contract_threads.h"
#include "ports/contract/store_fixture.h"
